import { VarveError } from "../errors.ts";
import type { FileRun, ImageIngest, IngestedLayer, StreamContent } from "./contract.ts";
import { inputError } from "./input_error.ts";
import { allChunks, readAhead } from "./read_range.ts";
import { statInput } from "./input_file.ts";

/** A tar for a new layer: its path, or a stream of its bytes. It may be compressed with gzip or zstd. */
export type NewLayerSource = string | ReadableStream<Uint8Array>;

/** Name for a layer whose digest is unknown. Progress reports and messages use it. */
const LABEL = "new layer";

/** Hint for an input that is not a tar. */
const WANTED = "give a tar of files";

/**
 * Makes a new layer from a tar. The bytes of the source, compressed or not, become the blob unchanged. The digest of
 * the uncompressed tar is the diffID.
 *
 * @param verb what the user wanted to do, for messages: `import`
 * @throws {VarveError} `E_NOT_FOUND` no such file · `E_USAGE` the path is a directory or a character device ·
 * `E_TRUNCATED` the tar is empty · all errors of the layer job
 */
export async function newLayer(
  { layers, signal }: ImageIngest,
  source: NewLayerSource,
  verb: string,
): Promise<IngestedLayer> {
  const open = typeof source === "string" ? await openTar(source, verb) : source;
  const label = typeof source === "string" ? source : "standard input";
  let layer: IngestedLayer | null;
  try {
    const content = open instanceof ReadableStream ? await streamContent(open, signal) : open;
    layer = await layers.create(LABEL, content);
  } catch (error) {
    throw await inputError(error, { label, verb, wanted: WANTED });
  }
  if (layer === null) throw new Error("the job made no layer from a tar");
  return layer;
}

async function openTar(path: string, verb: string): Promise<FileRun | ReadableStream<Uint8Array>> {
  const info = await statInput(path, verb);
  if (info.isDirectory) {
    throw new VarveError("E_USAGE", `Cannot ${verb} ${path}: it is a directory`, {
      subject: path,
      hint: "give a tar of its files",
    });
  }
  if (!info.isFile) return ReadableStream.from(allChunks(path));
  if (info.size === 0) throw await inputError(isEmpty(), { label: path, verb, wanted: WANTED });
  return { kind: "file", path, offset: 0, length: info.size };
}

async function streamContent(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<StreamContent> {
  // The pipe lets a cancellation end the read while the writer is idle.
  const pass = new TransformStream<Uint8Array, Uint8Array>();
  const { size, bytes } = await readAhead(stream.pipeThrough(pass, { signal }));
  if (size === 0) throw isEmpty();
  return { kind: "stream", size: size ?? 0, open: () => Promise.resolve(bytes) };
}

function isEmpty(): VarveError {
  return new VarveError("E_TRUNCATED", "Cannot read tar archive: it is empty");
}
