/**
 * The layer job on two threads: one inflates into a ring of shared buffers, the
 * other hashes, scans and writes what comes out of it.
 *
 * The result, the verdict and its order are those of one thread: what the first
 * thread saw goes behind its last bytes, and the second judges.
 */
import { fromErrorRecord, toErrorRecord, type VarveError } from "../errors.ts";
import type { Halves, Job, JobContext } from "../pool/mod.ts";
import type { LayerJobInput, LayerJobOutput } from "./contract.ts";
import { type Inflow, LayerInflow } from "./inflate_stage.ts";
import { LayerOutputs } from "./outputs.ts";
import { createRing, type Ring, RingReader, RingStopped, RingWriter, stopRing } from "./ring.ts";
import { LayerOutflow } from "./scan_stage.ts";
import { readSource, sourceSize } from "./source.ts";

/** Compressed bytes from which two threads are worth their start. */
const WORTH_BYTES = 4 * 1024 * 1024;

/** What the first half notes in the ring when the bytes are as they came. */
const PLAIN = 1;

/** The input of either half. */
export interface LayerHalfInput {
  /** The layer. */
  readonly layer: LayerJobInput;
  /** Where the halves meet. */
  readonly ring: Ring;
}

/** The halves of a large layer that goes to files; `null` for others. */
export function layerHalves(layer: LayerJobInput): Halves<LayerJobOutput> | null {
  const { target, halvesFrom = WORTH_BYTES } = layer;
  const size = sourceSize(layer) ?? Infinity;
  if (target.kind !== "files" || size < halvesFrom) return null;
  const ring = createRing();
  const input: LayerHalfInput = { layer, ring };
  return {
    front: { job: layerFrontJob, input },
    back: { job: layerBackJob, input },
    stop: () => stopRing(ring),
  };
}

/** Reads, hashes what came, keeps it, inflates. `false` when the ring was stopped. */
export const layerFrontJob: Job<LayerHalfInput, boolean> = {
  name: "layer-front",
  entry: "layer",
  run: (input, context) => unlessStopped(false, () => runFront(input, context)),
};

/** Hashes what was inflated, scans and writes it, and judges. `null` when the first half failed. */
export const layerBackJob: Job<LayerHalfInput, LayerJobOutput | null> = {
  name: "layer-back",
  entry: "layer",
  run: (input) => unlessStopped(null, () => runBack(input)),
};

async function unlessStopped<T>(stopped: T, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof RingStopped) return stopped;
    throw error;
  }
}

async function runFront({ layer, ring }: LayerHalfInput, context: JobContext): Promise<boolean> {
  const { signal } = context;
  const writer = new RingWriter(ring);
  using outputs = new LayerOutputs(layer);
  using inflow = new LayerInflow(layer, {
    bytes: (bytes, isPlain) => {
      if (isPlain) writer.note(PLAIN);
      if (writer.owns(bytes)) writer.publish(bytes.length);
      else writer.write(bytes);
    },
    blob: outputs.keepsBlob ? (bytes) => outputs.sink("blob").write(bytes) : null,
    nextBuffer: () => writer.slot(),
  });
  try {
    for await (const chunk of readSource(layer, context)) {
      signal.throwIfAborted();
      if (writer.stopped) throw new RingStopped();
      if (writer.skipped) inflow.skip();
      inflow.push(chunk);
      context.progress({ read: inflow.read, written: inflow.written });
    }
    const end = inflow.finish();
    outputs.end();
    writer.finish(encodeInflow(end));
    return true;
  } catch (error) {
    // The second half reads what came before, and may find the reason of its own there.
    if (!(error instanceof RingStopped)) writer.finish(null);
    throw error;
  }
}

async function runBack({ layer, ring }: LayerHalfInput): Promise<LayerJobOutput | null> {
  const reader = new RingReader(ring);
  using outputs = new LayerOutputs(layer);
  const outflow = new LayerOutflow(
    layer,
    (bytes, isPlain) => outputs.tar(isPlain).write(bytes),
  );
  const end = await reader.read((bytes) => {
    outflow.take(bytes, reader.noted === PLAIN);
    if (!outflow.wantsMore) reader.skip();
  });
  if (end === null) return null;
  const { output, tree } = outflow.judge(decodeInflow(end));
  const treeSum = outputs.tree(tree);
  outputs.tar();
  outputs.end();
  return { ...output, treeSum };
}

function encodeInflow(inflow: Inflow): Uint8Array {
  const record = (error: VarveError | null) => error === null ? null : toErrorRecord(error);
  const { failure, endFailure } = inflow;
  const value = { ...inflow, failure: record(failure), endFailure: record(endFailure) };
  return new TextEncoder().encode(JSON.stringify(value));
}

function decodeInflow(bytes: Uint8Array): Inflow {
  const value = JSON.parse(new TextDecoder().decode(bytes));
  const error = (record: Parameters<typeof fromErrorRecord>[0] | null) =>
    record === null ? null : fromErrorRecord(record);
  return { ...value, failure: error(value.failure), endFailure: error(value.endFailure) };
}
