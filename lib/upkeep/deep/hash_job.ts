import { type Algorithm, createHasher } from "../../digest/mod.ts";
import { fileErrno, fileError, isExhausted } from "../../linux/mod.ts";
import type { BriefJob } from "../../pool/internal.ts";
import type { JobContext } from "../../pool/mod.ts";

/** A file whose digest is checked. */
export interface FileToHash {
  /** Absolute path. */
  readonly path: string;
  /** Expected size in bytes, where it is known. It only decides whether a worker is worth its start. */
  readonly size?: number | undefined;
  /** The algorithms by which it is named. */
  readonly algorithms: readonly Algorithm[];
}

/** A file that was read. */
export interface HashedFile {
  /** The digests of its bytes, in the order of the algorithms; empty when it could not be read. */
  readonly digests: readonly string[];
  /** Number of bytes that were read. */
  readonly size: number;
  /** Why it could not be read to its end: `missing`, or the kernel's error; `null` when it was read. */
  readonly failure: string | null;
}

/** Bytes that are hashed in less time than a worker takes to start. */
const BRIEF = 64 * 1024 * 1024;

/** Number of bytes that are read at once: one call to the kernel and one to the hash for each. */
const PIECE = 1024 * 1024;

/** Reads files from their first to their last byte and hashes them, in a worker. */
export const hashJob: BriefJob<readonly FileToHash[], HashedFile[]> = {
  name: "hash-files",
  entry: "extract",
  isBrief: (files) => files.reduce((sum, { size = Infinity }) => sum + size, 0) <= BRIEF,
  async run(files, context) {
    await Promise.resolve();
    context.signal.throwIfAborted();
    const buffer = new Uint8Array(PIECE);
    let read = 0;
    const onBytes = (count: number) => context.progress({ read: read += count, written: 0 });
    return files.map((file) => hashFile(file, buffer, context, onBytes));
  },
};

function hashFile(
  { path, algorithms }: FileToHash,
  buffer: Uint8Array,
  { throwIfAborted }: JobContext,
  onBytes: (count: number) => void,
): HashedFile {
  let size = 0;
  try {
    using file = Deno.openSync(path, { read: true });
    const hashers = algorithms.map((algorithm) => createHasher(algorithm));
    for (;;) {
      throwIfAborted();
      const count = file.readSync(buffer);
      if (count === null) break;
      for (const hasher of hashers) hasher.update(buffer.subarray(0, count));
      size += count;
      onBytes(count);
    }
    return { digests: hashers.map((hasher) => hasher.digest()), size, failure: null };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { digests: [], size, failure: "missing" };
    const errno = fileErrno(error);
    if (errno === undefined || isExhausted(error)) throw fileError(error, `read ${path}`);
    return { digests: [], size, failure: `it cannot be read (${errno})` };
  }
}
