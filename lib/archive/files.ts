/**
 * The named files of an archive, whatever its form.
 *
 * A name from a document is only looked up among the entries of the archive. It can never reach any other file.
 */
import { type Digest, hexOf, isDigest } from "../digest/mod.ts";
import type { EarlyLayer, FileRun, ImageIngest, KnownBlob } from "../image/internal.ts";

/** Where the bytes of a file of an archive are. */
export type FileAt =
  /** A range of a file, which a worker can read itself. */
  | FileRun
  /** The file came in a stream and is staged as a layer. */
  | EarlyLayer
  /** The file came in a stream, was verified, and is the blob of a layer that the store has. */
  | KnownBlob
  /** The file came in a stream and is staged as a blob, because it is not a layer. */
  | { readonly kind: "blob"; readonly digest: Digest; readonly size: number }
  /** The file came in a stream and looked like a layer, but no layer could be made from it. */
  | { readonly kind: "failed"; readonly error: unknown }
  /** The file came in a stream and is small enough to be a document. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

/** The files of one archive. */
export interface ArchiveFiles {
  /** Name of the archive for messages, as the user typed it. */
  readonly label: string;
  /**
   * Finds a file. Links are followed inside the archive. `undefined` when there is no such file.
   *
   * @throws {VarveError} `E_FORMAT` when links lead nowhere or in a circle
   */
  find(name: string): Promise<FileAt | undefined>;
  /**
   * Reads all bytes of a document. `setting` is the name of the setting for `maxBytes`, for the hint.
   *
   * @throws {VarveError} `E_MISSING`, `E_LIMIT`
   */
  document(name: string, maxBytes: number, setting?: string): Promise<Uint8Array>;
  /** Reads the first bytes of a file, at most 512, which show its compression. */
  head(at: FileAt): Promise<Uint8Array>;
}

/** Options of `openFiles`. */
export interface OpenFilesOptions {
  /** Stages layers and blobs from a stream. */
  readonly ingest: ImageIngest;
  /** Size in bytes of the largest document that is kept from a stream. */
  readonly maxDocument: number;
}

/** Limits of the outer tar: its size is not limited. The layer jobs limit the size of each layer in it. */
export const OUTER_LIMITS: { readonly layerBytes: number } = {
  layerBytes: Number.MAX_SAFE_INTEGER,
};

/** The hint for an archive that holds no image. */
export const FILES_HINT = "import it, if it holds the files of a system";

/** Maximum number of links to follow from one name. */
export const MAX_LINKS = 8;

/**
 * The path of an entry without `./` and without doubled or trailing slashes; `undefined` when it leads outside the
 * archive.
 */
export function cleanName(path: string): string | undefined {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.length === 0 ? undefined : parts.join("/");
}

/** The digest in the name of a blob, `blobs/sha256/<hex>`; `undefined` for any other name. */
export function digestOfName(name: string): Digest | undefined {
  const match = /(?:^|\/)blobs\/(sha256|sha512)\/([0-9a-f]+)$/.exec(name);
  const digest = match === null ? undefined : `${match[1]}:${match[2]}`;
  return isDigest(digest) ? digest : undefined;
}

/** Path of a blob in an OCI layout. */
export function blobPath(digest: Digest): string {
  return `blobs/${digest.slice(0, digest.indexOf(":"))}/${hexOf(digest)}`;
}
