import { algorithmOf, type Digest, hexOf } from "../../digest/mod.ts";

/** Where everything of a store stands. Only digests that were parsed and integers become parts of a path. */
export class Paths {
  readonly root: string;
  readonly database: string;
  readonly lock: string;
  readonly content: string;
  readonly blobs: string;
  readonly index: string;
  readonly layers: string;
  readonly chains: string;
  readonly snapshots: string;
  readonly ingest: string;
  readonly trash: string;
  readonly mounts: string;

  /** The paths under a root, which is absolute. */
  constructor(root: string) {
    this.root = root;
    this.database = `${root}/meta.db`;
    this.lock = `${root}/store.lock`;
    this.content = `${root}/content`;
    this.blobs = `${root}/content/blobs`;
    this.index = `${root}/content/index.json`;
    this.layers = `${root}/layers`;
    this.chains = `${root}/chains`;
    this.snapshots = `${root}/snapshots`;
    this.ingest = `${root}/ingest`;
    this.trash = `${root}/trash`;
    this.mounts = `${root}/mounts`;
  }

  /** All directories, parents first. */
  directories(): string[] {
    const { root, content, blobs, layers, chains, snapshots, ingest, trash, mounts } = this;
    const sha256 = `${blobs}/sha256`;
    return [root, content, blobs, sha256, layers, chains, snapshots, ingest, trash, mounts];
  }

  /** The directory of the blobs of an algorithm. */
  blobDirectory(digest: Digest): string {
    return `${this.blobs}/${algorithmOf(digest)}`;
  }

  /** A blob. */
  blob(digest: Digest): string {
    return `${this.blobDirectory(digest)}/${hexOf(digest)}`;
  }

  /** The directory of a layer. */
  layer(cacheId: number): string {
    return `${this.layers}/${cacheId}`;
  }

  /** The directory of a chain. */
  chain(cacheId: number): string {
    return `${this.chains}/${cacheId}`;
  }

  /** The directory of a snapshot. */
  snapshot(cacheId: number): string {
    return `${this.snapshots}/${cacheId}`;
  }
}

/** The names that the root of a store can hold; with any other and without a database it is no store. */
export const ROOT_NAMES: ReadonlySet<string> = new Set([
  "meta.db",
  "meta.db-wal",
  "meta.db-shm",
  "meta.db-journal",
  "store.lock",
  "content",
  "layers",
  "chains",
  "snapshots",
  "ingest",
  "trash",
  "mounts",
]);

/** Files of a layer's directory that no driver's directory may be called after. */
export const LAYER_FILES = {
  tar: "layer.tar",
  tree: "tree",
  blob: "blob",
  marker: "marker",
} as const;
