import type { Job, JobContext } from "../pool/mod.ts";
import type { LayerJobInput, LayerJobOutput } from "./contract.ts";
import { layerHalves } from "./layer_halves.ts";
import { LayerOutputs } from "./outputs.ts";
import { LayerPipeline } from "./pipeline.ts";
import { readSource } from "./source.ts";

/**
 * Verifies the digests of a layer and makes its tar and its tree, in one pass and in bounded
 * memory.
 *
 * When several things are wrong with the layer, the job fails with the outermost error. The codes
 * from the outside in: `E_TRUNCATED` (the source is too short); `E_SIZE`; `E_DIGEST`;
 * `E_COMPRESSION`, `E_MEDIA_TYPE`, `E_TRAILING` and `E_FORMAT`; `E_DIFFID`; the codes of the tar
 * reader and of the layer's rules. `E_LIMIT` and `E_SYSCALL` end the job at once.
 *
 * @example
 * ```ts ignore
 * const { diffId, memory } = await pool.run(layerJob, {
 *   source: { kind: "file", path: "layer.tar.gz", offset: 0, length: size },
 *   target: { kind: "memory" },
 *   expected: { digest, size },
 * });
 * ```
 */
export const layerJob: Job<LayerJobInput, LayerJobOutput> = {
  name: "layer",
  entry: "layer",
  run: makeLayer,
  transfer: buffersOf,
  halves: layerHalves,
};

/** The buffers of a layer in memory: a job transfers them to its caller. */
export function buffersOf({ memory }: LayerJobOutput): ArrayBuffer[] {
  if (memory === undefined) return [];
  return [...memory.tar, memory.tree, ...memory.blob ?? []].map(({ buffer }) => buffer);
}

async function makeLayer(input: LayerJobInput, context: JobContext): Promise<LayerJobOutput> {
  const { signal } = context;
  signal.throwIfAborted();
  using outputs = new LayerOutputs(input);
  using pipeline = new LayerPipeline(input, {
    tar: (bytes, isPlain) => outputs.tar(isPlain).write(bytes),
    blob: outputs.keepsBlob ? (bytes) => outputs.sink("blob").write(bytes) : null,
  }, context.throwIfAborted);
  for await (const chunk of readSource(input, context)) {
    signal.throwIfAborted();
    pipeline.push(chunk);
    context.progress({ read: pipeline.read, written: pipeline.written });
  }
  const { output, tree } = pipeline.finish();
  const treeSum = outputs.tree(tree);
  outputs.tar();
  outputs.end();
  return outputs.withMemory({ ...output, treeSum });
}
