import { VarveError } from "../errors.ts";
import { decompress, sniff } from "../codec/compress/mod.ts";
import { fileError } from "../linux/mod.ts";
import { directoryFiles } from "./directory_files.ts";
import type { ArchiveFiles } from "./files.ts";
import { readRange } from "./read_range.ts";
import type { Stager } from "./stager.ts";
import { streamFiles } from "./stream_files.ts";
import { tarFiles } from "./tar_files.ts";

/** What images are loaded from: a path, or a stream that an archive comes in. */
export type ImageSource = string | ReadableStream<Uint8Array>;

const CHUNK = 256 * 1024;
/** The layers of an archive have their own limit each: the archive has none as a whole. */
const OUTER_LIMITS = { layerBytes: Number.MAX_SAFE_INTEGER };

/**
 * Opens an archive: a directory and a plain tar are read in place, anything else
 * (compressed, or a stream) in one pass.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_DENIED`, `E_TRUNCATED`, `E_FORMAT`, `E_COMPRESSION`
 */
export async function openFiles(
  source: ImageSource,
  stager: Stager,
  signal?: AbortSignal,
): Promise<ArchiveFiles> {
  if (typeof source !== "string") {
    return await streamFiles("standard input", inflated(source), stager, signal);
  }
  const info = await stat(source);
  if (info.isDirectory) return directoryFiles(source);
  if (!info.isFile) {
    using file = await Deno.open(source);
    return await streamFiles(source, inflated(chunks(file)), stager, signal);
  }
  if (info.size === 0) throw new VarveError("E_TRUNCATED", `Cannot load ${source}: it is empty`);
  const head = await readRange(source, 0, Math.min(512, info.size));
  if (sniff(head) === "none") return await tarFiles(source, signal);
  using file = await Deno.open(source);
  return await streamFiles(source, inflated(chunks(file)), stager, signal);
}

async function* chunks(file: Deno.FsFile): AsyncGenerator<Uint8Array> {
  for (;;) {
    const buffer = new Uint8Array(CHUNK);
    const read = await file.read(buffer);
    if (read === null) return;
    yield buffer.subarray(0, read);
  }
}

/** The outer archive may be compressed, too; its magic bytes decide. */
function inflated(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return decompress(bytes, { limits: OUTER_LIMITS });
}

async function stat(path: string): Promise<Deno.FileInfo> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new VarveError("E_NOT_FOUND", `Cannot load ${path}: there is no such file`, {
        subject: path,
      });
    }
    throw fileError(error, `load ${path}`);
  }
}
