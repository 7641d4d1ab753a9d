import { VarveError } from "../errors.ts";
import type { FileRun, ImageIngest, IngestedLayer, StreamContent } from "./contract.ts";
import { statInput } from "./input_file.ts";
import { allChunks } from "./read_range.ts";

/** A tar for a new layer: its path, or a stream of its bytes. It may be compressed with gzip or zstd. */
export type NewLayerSource = string | ReadableStream<Uint8Array>;

/** Name for a layer whose digest is unknown. Progress reports and messages use it. */
const LABEL = "new layer";

/**
 * Makes a layer from a tar that no document names yet. The tar stays unchanged, byte for byte: the digest of the
 * uncompressed tar is the diffID, and a compressed tar becomes the blob.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_USAGE` it is a directory, `E_TRUNCATED` it is empty, and what the
 * layer job throws
 */
export async function newLayer(
  { layers }: ImageIngest,
  source: NewLayerSource,
): Promise<IngestedLayer> {
  const content = typeof source === "string" ? await openTar(source) : streamContent(source);
  const layer = await layers.create(LABEL, content);
  if (layer === null) throw new Error("the job made no layer from a tar");
  return layer;
}

async function openTar(path: string): Promise<FileRun | StreamContent> {
  const info = await statInput(path, "read");
  if (info.isDirectory) {
    throw new VarveError("E_USAGE", `Cannot read ${path} as a layer: it is a directory`, {
      subject: path,
    });
  }
  if (!info.isFile) return streamContent(ReadableStream.from(allChunks(path)));
  if (info.size === 0) throw isEmpty();
  return { kind: "file", path, offset: 0, length: info.size };
}

function streamContent(bytes: ReadableStream<Uint8Array>): StreamContent {
  return {
    kind: "stream",
    size: 0,
    open: (signal) => {
      // The pipe lets a cancellation end the read while the writer is idle.
      const pass = new TransformStream<Uint8Array, Uint8Array>();
      return Promise.resolve(notEmpty(bytes.pipeThrough(pass, { signal })));
    },
  };
}

async function* notEmpty(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const chunk of bytes) {
    length += chunk.length;
    yield chunk;
  }
  if (length === 0) throw isEmpty();
}

function isEmpty(): VarveError {
  return new VarveError("E_TRUNCATED", "Cannot read layer: it is empty");
}
