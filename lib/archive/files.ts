/**
 * The named files of an archive, however they are stored.
 *
 * Names are looked up among the archive's own entries only, never on a file
 * system, so no name that a document gives can reach anything else.
 */
import type { Compression } from "../codec/compress/mod.ts";
import { type Digest, hexOf } from "../digest/mod.ts";
import type { LayerJobOutput } from "../layer_job/mod.ts";
import type { StagedLayer } from "../store/mod.ts";

/** Where the bytes of a file are. */
export type FileAt =
  /** A run of bytes that a worker can read itself. */
  | {
    readonly kind: "range";
    readonly path: string;
    readonly offset: number;
    readonly length: number;
  }
  /** It came by as a stream and is staged already, as a layer. */
  | { readonly kind: "staged"; readonly staged: StagedLayer; readonly output: LayerJobOutput }
  /** It came by, was hashed, and is the verified blob of a layer that the store holds. */
  | {
    readonly kind: "known";
    readonly digest: Digest;
    readonly size: number;
    readonly compression: Compression;
  }
  /** It came by and is staged as a blob that is no layer. */
  | { readonly kind: "blob"; readonly digest: Digest; readonly size: number }
  /** It came by and could not be used as a layer. */
  | { readonly kind: "failed"; readonly error: unknown }
  /** It came by and is small: here it is. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

/** The files of one archive. */
export interface ArchiveFiles extends AsyncDisposable {
  /** What the user called it. */
  readonly label: string;
  /** Where a file is, links followed inside the archive; `undefined` when there is none. @throws {VarveError} `E_FORMAT` when links lead nowhere or in a circle */
  find(name: string): Promise<FileAt | undefined>;
  /** The whole of a document. `setting` is what holds the limit. @throws {VarveError} `E_MISSING`, `E_LIMIT` */
  document(name: string, maxBytes: number, setting?: string): Promise<Uint8Array>;
  /** The first bytes of a file, up to 512, for its magic. */
  head(at: FileAt): Promise<Uint8Array>;
}

/** What a link chain may hold. */
export const MAX_LINKS = 8;

/** An entry's path as a name: cleaned of `./`, doubled and trailing slashes; `undefined` when it leads outside. */
export function cleanName(path: string): string | undefined {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.length === 0 ? undefined : parts.join("/");
}

/** Where an OCI layout has a blob. */
export function blobPath(digest: Digest): string {
  return `blobs/${digest.slice(0, digest.indexOf(":"))}/${hexOf(digest)}`;
}
