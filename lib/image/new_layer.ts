import { VarveError } from "../errors.ts";
import { layerJob, type LayerJobInput, type LayerSource } from "../layer_job/internal.ts";
import type { LayerJobOutput } from "../layer_job/mod.ts";
import { fileErrno, fileError } from "../linux/mod.ts";
import { layerMediaType } from "../oci/mod.ts";
import type { StagedLayer } from "../store/mod.ts";
import type { NewImage, NewLayer } from "./new_image.ts";
import { allChunks } from "./read_range.ts";

/**
 * What a new layer is made from: the path of a tar or a stream of one (plain, gzip or zstd), or
 * whatever fills the target of a staged layer by itself.
 */
export type NewLayerSource =
  | string
  | ReadableStream<Uint8Array>
  | ((staged: StagedLayer, signal: AbortSignal) => Promise<LayerJobOutput>);

/**
 * Makes a layer that no document names yet. The tar stays byte for byte what it is: its digest is the
 * layer's diffID, and a compressed one is the blob.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_USAGE` it is a directory, and what layers throw
 */
export async function newLayer(image: NewImage, source: NewLayerSource): Promise<NewLayer> {
  const input = typeof source === "string" ? await openSource(source) : source;
  const staged = await image.ingest.newLayer();
  try {
    const output = typeof input === "function"
      ? await input(staged, image.signal)
      : await runJob(image, staged, input);
    const { digest, size, diffId, uncompressedSize, warnings } = output;
    const mediaType = layerMediaType(output.compression);
    await staged.finish(output, mediaType);
    const descriptor = { mediaType, digest, size };
    return { descriptor, diffId, uncompressedSize, processed: true, warnings };
  } catch (error) {
    await staged.discard();
    throw error;
  }
}

/** A run of a file that a worker reads itself, or a stream. */
type Input = Extract<LayerSource, { kind: "file" }> | ReadableStream<Uint8Array>;

async function openSource(path: string): Promise<Input> {
  const info = await stat(path);
  if (info.isDirectory) {
    throw new VarveError("E_USAGE", `Cannot read ${path} as a layer: it is a directory`, {
      subject: path,
    });
  }
  if (info.isFile) return { kind: "file", path, offset: 0, length: info.size };
  return ReadableStream.from(allChunks(path));
}

async function stat(path: string): Promise<Deno.FileInfo> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    const code = fileErrno(error);
    if (code !== "ENOENT" && code !== "ENOTDIR") throw fileError(error, `read ${path}`);
    throw new VarveError("E_NOT_FOUND", `Cannot read ${path}: there is no such file`, {
      subject: path,
    });
  }
}

/** What the progress of a layer is called whose name is not known yet. */
const LABEL = "new layer";

async function runJob(
  image: NewImage,
  staged: StagedLayer,
  input: Input,
): Promise<LayerJobOutput> {
  const { store, pool, signal } = image;
  const { policy, limits, streamLimits, inflater, onProgress } = image.options;
  const job: LayerJobInput = {
    source: input instanceof ReadableStream ? { kind: "stream" } : input,
    target: staged.target,
    expected: {},
    policy,
    limits,
    streamLimits,
    inflater,
    willSync: store.durability === "full",
  };
  const total = input instanceof ReadableStream ? 0 : input.length;
  onProgress?.({ layer: LABEL, total, read: 0, written: 0, state: "begin" });
  const output = await pool.run(layerJob, job, {
    signal,
    onProgress: (at) => onProgress?.({ layer: LABEL, total, ...at, state: "running" }),
    // A cancellation does not wait for a writer that says nothing.
    ...(input instanceof ReadableStream
      ? { stream: input.pipeThrough(new TransformStream<Uint8Array, Uint8Array>(), { signal }) }
      : {}),
  });
  const { size: read, uncompressedSize: written } = output;
  if (read === 0) throw new VarveError("E_TRUNCATED", "Cannot read layer: it is empty");
  onProgress?.({ layer: LABEL, total: read, read, written, state: "done" });
  return output;
}
