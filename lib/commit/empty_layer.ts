import { layerJob } from "../layer_job/internal.ts";
import type { LayerJobOutput, LayerTarget } from "../layer_job/mod.ts";
import type { Pool } from "../pool/mod.ts";

/** Size of the two blocks of zeros that end a tar. */
const END = 1024;

/** The layer of an empty directory, or of no changes: a tar without entries. */
export async function emptyLayer(
  pool: Pool,
  target: LayerTarget,
  signal: AbortSignal,
): Promise<LayerJobOutput> {
  return await pool.run(layerJob, { source: { kind: "stream" }, target, expected: {} }, {
    signal,
    stream: ReadableStream.from([new Uint8Array(END)]),
  });
}
