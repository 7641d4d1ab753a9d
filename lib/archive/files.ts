/**
 * The named files of an archive, however they are stored.
 *
 * Names are looked up among the archive's own entries only, never on a file
 * system, so no name that a document gives can reach anything else.
 */
import { type Digest, hexOf, isDigest } from "../digest/mod.ts";
import type { EarlyLayer, FileRun, ImageIngest, PassedBlob } from "../image/internal.ts";

/** Where the bytes of a file are. */
export type FileAt =
  /** A run of bytes that a worker can read itself. */
  | FileRun
  /** It came in a stream and is staged already, as a layer. */
  | EarlyLayer
  /** It came in a stream, was hashed, and is the verified blob of a layer that the store holds. */
  | PassedBlob
  /** It came in a stream and is staged as a blob that is no layer. */
  | { readonly kind: "blob"; readonly digest: Digest; readonly size: number }
  /** It came in a stream and could not be used as a layer. */
  | { readonly kind: "failed"; readonly error: unknown }
  /** It came in a stream and is a small document. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

/** The files of one archive. */
export interface ArchiveFiles {
  /** What the user called it. */
  readonly label: string;
  /** Where a file is; links are followed inside the archive. `undefined` when the archive has no such file. @throws {VarveError} `E_FORMAT` when links lead nowhere or in a circle */
  find(name: string): Promise<FileAt | undefined>;
  /** All bytes of a document. `setting` names the setting of the limit, for the hint. @throws {VarveError} `E_MISSING`, `E_LIMIT` */
  document(name: string, maxBytes: number, setting?: string): Promise<Uint8Array>;
  /** The first bytes of a file, at most 512, which show its compression. */
  head(at: FileAt): Promise<Uint8Array>;
}

/** What an archive is opened with. */
export interface OpenFilesOptions {
  /** Takes what comes in a stream. */
  readonly ingest: ImageIngest;
  /** Size in bytes of the largest document that is kept of a stream. */
  readonly maxDocument: number;
}

/** Links that are followed from one name. */
export const MAX_LINKS = 8;

/** An entry's path without `./` and doubled or trailing slashes; `undefined` when it leads outside the archive. */
export function cleanName(path: string): string | undefined {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.length === 0 ? undefined : parts.join("/");
}

/** The digest in a blob's name: `blobs/sha256/<hex>` says what its bytes are, any other name says nothing. */
export function digestOfName(name: string): Digest | undefined {
  const match = /(?:^|\/)blobs\/(sha256|sha512)\/([0-9a-f]+)$/.exec(name);
  const digest = match === null ? undefined : `${match[1]}:${match[2]}`;
  return isDigest(digest) ? digest : undefined;
}

/** Where an OCI layout has a blob. */
export function blobPath(digest: Digest): string {
  return `blobs/${digest.slice(0, digest.indexOf(":"))}/${hexOf(digest)}`;
}
