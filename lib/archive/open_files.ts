import { decompress, sniff } from "../codec/compress/mod.ts";
import { VarveError } from "../errors.ts";
import { allChunks, readAhead, readRange, statInput } from "../image/internal.ts";
import { directoryFiles } from "./directory_files.ts";
import { type ArchiveFiles, type OpenFilesOptions, OUTER_LIMITS } from "./files.ts";
import { streamFiles } from "./stream_files.ts";
import { tarFiles } from "./tar_files.ts";

/** An archive to load: its path, or a stream of its bytes. */
export type ArchiveInput = string | ReadableStream<Uint8Array>;

/** Name of an archive for messages. */
export function labelOf(input: ArchiveInput): string {
  return typeof input === "string" ? input : "standard input";
}

/**
 * Opens an archive. A directory or a plain tar is read in place. A compressed tar or a stream is read once, from its
 * start to its end.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_DENIED`, `E_TRUNCATED`, `E_FORMAT`, `E_COMPRESSION`
 */
export async function openFiles(
  source: ArchiveInput,
  options: OpenFilesOptions,
): Promise<ArchiveFiles> {
  if (typeof source !== "string") {
    return await inflatedFiles(labelOf(source), stoppable(source, options), options);
  }
  const info = await statInput(source, "load");
  if (info.isDirectory) return directoryFiles(source);
  if (info.isFile) {
    if (info.size === 0) {
      throw new VarveError("E_TRUNCATED", "Cannot read tar archive: it is empty");
    }
    const head = await readRange(source, 0, Math.min(512, info.size));
    if (sniff(head) === "none") return await tarFiles(source, options.ingest);
  }
  const bytes = allChunks(source);
  return info.isFile
    ? await inflatedFiles(source, bytes, options, info.size)
    : await inflatedFiles(source, stoppable(ReadableStream.from(bytes), options), options);
}

/** The files of a tar that comes as a stream, compressed or not. `size` is its compressed size, if that is known. */
async function inflatedFiles(
  label: string,
  bytes: AsyncIterable<Uint8Array>,
  options: OpenFilesOptions,
  size?: number,
): Promise<ArchiveFiles> {
  const ahead = size === undefined ? await readAhead(bytes) : { size, bytes };
  let read = 0;
  const counted = async function* () {
    for await (const chunk of ahead.bytes) {
      read += chunk.length;
      yield chunk;
    }
  };
  const files = await streamFiles(label, inflated(counted()), options, ahead.size);
  options.ingest.layers.judgeEarly(read);
  return files;
}

/** Passes the bytes on through a pipe, so that a cancellation also ends a read that still waits for bytes. */
function stoppable(
  bytes: ReadableStream<Uint8Array>,
  { ingest: { signal } }: OpenFilesOptions,
): ReadableStream<Uint8Array> {
  return bytes.pipeThrough(new TransformStream<Uint8Array, Uint8Array>(), { signal });
}

/** Decompresses the outer tar, if its magic bytes show a compression. */
function inflated(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return decompress(bytes, { limits: OUTER_LIMITS });
}
