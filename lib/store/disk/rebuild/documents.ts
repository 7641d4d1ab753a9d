import { createHasher, type Digest } from "../../../digest/mod.ts";
import {
  type Descriptor,
  type Manifest,
  parseDocument,
  parseImageConfig,
} from "../../../oci/mod.ts";
import { attempt } from "../../attempt.ts";
import { MAX_DOCUMENT } from "../../rules.ts";
import { factsIn, namesAt } from "../inspect/files.ts";
import { mayBeObject } from "../parts/parts.ts";
import type { Paths } from "../paths.ts";

/** Media type of a config whose manifest is not here. */
const CONFIG = "application/vnd.oci.image.config.v1+json";

/** A file of `content/blobs/`. */
export interface BlobFile {
  readonly digest: Digest;
  readonly size: number;
  /** Whether its digest was computed and is another. */
  readonly isDamaged: boolean;
}

/** What the files of `content/` say. */
export interface Documents {
  readonly files: ReadonlyMap<string, BlobFile>;
  /** The manifests, by their digest. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  /** The digests that the indexes name, by the digest of the index. */
  readonly indexes: ReadonlyMap<string, readonly string[]>;
  /** The diffIDs of the configs, by the digest of the config. */
  readonly configs: ReadonlyMap<string, readonly string[]>;
  /** Media types that documents give for digests, and those of the documents themselves. */
  readonly types: ReadonlyMap<string, string>;
}

/** Reads the documents of a store. Only documents whose bytes have their digest count. */
export function readDocuments(paths: Paths): Documents {
  const files = new Map<string, BlobFile>();
  const manifests = new Map<string, Manifest>();
  const indexes = new Map<string, readonly string[]>();
  const configs = new Map<string, readonly string[]>();
  const types = new Map<string, string>();
  const name = (descriptor: Descriptor) => {
    if (!types.has(descriptor.digest)) types.set(descriptor.digest, descriptor.mediaType);
  };
  for (const algorithm of namesAt(paths.blobs)) {
    if (algorithm !== "sha256" && algorithm !== "sha512") continue;
    for (const file of factsIn(`${paths.blobs}/${algorithm}`)) {
      if (file.type !== "file" || !/^[0-9a-f]{64,128}$/.test(file.name)) continue;
      const digest = `${algorithm}:${file.name}` as Digest;
      const bytes = file.size > MAX_DOCUMENT ? undefined : jsonBytes(paths.blob(digest));
      const hasher = createHasher(algorithm);
      if (bytes !== undefined) hasher.update(bytes);
      const isDamaged = bytes !== undefined && hasher.digest() !== digest;
      files.set(digest, { digest, size: file.size, isDamaged });
      if (bytes === undefined || isDamaged) continue;
      const document = attempt(() => parseDocument(bytes));
      if (document?.kind === "manifest") {
        manifests.set(digest, document);
        for (const one of [document.config, ...document.layers]) name(one);
      }
      if (document?.kind === "index") {
        indexes.set(digest, document.manifests.map((one) => one.digest));
        for (const one of document.manifests) name(one);
      }
      if (document !== undefined) types.set(digest, document.mediaType);
      const config = document === undefined ? attempt(() => parseImageConfig(bytes)) : undefined;
      if (config === undefined) continue;
      configs.set(digest, config.diffIds);
      if (!types.has(digest)) types.set(digest, CONFIG);
    }
  }
  return { files, manifests, indexes, configs, types };
}

/** The bytes of a small file that may be a JSON object. */
function jsonBytes(path: string): Uint8Array | undefined {
  const bytes = Deno.readFileSync(path);
  return mayBeObject(bytes) ? bytes : undefined;
}
