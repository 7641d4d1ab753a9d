import { algorithmOf, type Digest, hexOf } from "../../digest/mod.ts";
import { LAYOUT_FILES, ROOT_FILES } from "./names.ts";

/**
 * The absolute paths of a store. Only parsed digests, owner ids and integers become parts of a
 * path. A name that an image or a user chose never does.
 */
export class Paths {
  readonly root: string;
  readonly database: string;
  readonly lock: string;
  readonly reserve: string;
  readonly content: string;
  readonly blobs: string;
  readonly index: string;
  readonly layoutVersion: string;
  readonly layers: string;
  readonly chains: string;
  readonly snapshots: string;
  readonly ingest: string;
  readonly trash: string;
  /** Made when the first directory is lost. */
  readonly lost: string;
  readonly mounts: string;

  /** Makes the paths under `root`, which must be absolute. */
  constructor(root: string) {
    this.root = root;
    this.database = `${root}/${ROOT_FILES.database}`;
    this.lock = `${root}/${ROOT_FILES.lock}`;
    this.reserve = `${root}/${ROOT_FILES.reserve}`;
    this.content = `${root}/${ROOT_FILES.content}`;
    this.blobs = `${this.content}/${LAYOUT_FILES.blobs}`;
    this.index = `${this.content}/${LAYOUT_FILES.index}`;
    this.layoutVersion = `${this.content}/${LAYOUT_FILES.version}`;
    this.layers = `${root}/${ROOT_FILES.layers}`;
    this.chains = `${root}/${ROOT_FILES.chains}`;
    this.snapshots = `${root}/${ROOT_FILES.snapshots}`;
    this.ingest = `${root}/${ROOT_FILES.ingest}`;
    this.trash = `${root}/${ROOT_FILES.trash}`;
    this.lost = `${root}/${ROOT_FILES.lost}`;
    this.mounts = `${root}/${ROOT_FILES.mounts}`;
  }

  /** All directories that a store always has, parents first. */
  directories(): string[] {
    const { root, content, blobs, layers, chains, snapshots, ingest, trash, mounts } = this;
    const sha256 = `${blobs}/sha256`;
    return [root, content, blobs, sha256, layers, chains, snapshots, ingest, trash, mounts];
  }

  /** `content/blobs/<algorithm>/`, which holds the blob. */
  blobDirectory(digest: Digest): string {
    return `${this.blobs}/${algorithmOf(digest)}`;
  }

  /** `content/blobs/<algorithm>/<hex>`. */
  blob(digest: Digest): string {
    return `${this.blobDirectory(digest)}/${hexOf(digest)}`;
  }

  /** `layers/<cache-id>/`. */
  layer(cacheId: number): string {
    return `${this.layers}/${cacheId}`;
  }

  /** `chains/<cache-id>/`. */
  chain(cacheId: number): string {
    return `${this.chains}/${cacheId}`;
  }

  /** `snapshots/<cache-id>/`. */
  snapshot(cacheId: number): string {
    return `${this.snapshots}/${cacheId}`;
  }
}
