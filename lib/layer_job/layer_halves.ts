/**
 * The layer job on two threads. The front half reads and inflates into a ring of shared memory; the
 * back half reads the bytes from the ring, and hashes, scans and writes them.
 *
 * Result, errors and the order of checks are the same as on one thread: the front half sends its
 * {@linkcode InflateResult} after its last bytes, and the back half makes all checks.
 */
import { fromErrorRecord, toErrorRecord, type VarveError } from "../errors.ts";
import type { Halves, Job, JobContext } from "../pool/mod.ts";
import type { LayerJobInput, LayerJobOutput } from "./contract.ts";
import { type InflateResult, InflateStage } from "./inflate_stage.ts";
import { LayerOutputs } from "./outputs.ts";
import { createRing, type Ring, RingReader, RingStopped, RingWriter, stopRing } from "./ring.ts";
import { ScanStage } from "./scan_stage.ts";
import { readSource, sourceSize } from "./source.ts";

/** Compressed size in bytes above which the second thread saves more time than its start takes. */
const WORTH_BYTES = 4 * 1024 * 1024;

/** Value of the ring's flag when the blob has the same bytes as the tar. */
const PLAIN = 1;

/** The input of either half. */
export interface LayerHalfInput {
  /** The layer. */
  readonly layer: LayerJobInput;
  /** The ring between the halves. */
  readonly ring: Ring;
}

/** The halves of the job for a large layer whose target is files; `null` for other layers. */
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

/**
 * Reads, hashes, keeps and inflates the compressed bytes. Returns `false` when the ring was
 * stopped.
 */
export const layerFrontJob: Job<LayerHalfInput, boolean> = {
  name: "layer-front",
  entry: "layer",
  run: (input, context) => unlessStopped(false, () => runFront(input, context)),
};

/**
 * Hashes, scans and writes the uncompressed bytes, and checks the layer. Returns `null` when the
 * front half failed.
 */
export const layerBackJob: Job<LayerHalfInput, LayerJobOutput | null> = {
  name: "layer-back",
  entry: "layer",
  run: (input, context) => unlessStopped(null, () => runBack(input, context)),
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
  using inflate = new InflateStage(layer, {
    tar: (bytes, isPlain) => {
      if (isPlain) writer.setFlag(PLAIN);
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
      if (writer.skipped) inflate.skip();
      inflate.push(chunk);
      context.progress({ read: inflate.read, written: inflate.written });
    }
    const result = inflate.finish();
    outputs.end();
    writer.finish(encodeResult(result));
    return true;
  } catch (error) {
    // The back half still reads the bytes in the ring, and may find an error that precedes this
    // error.
    if (!(error instanceof RingStopped)) writer.finish(null);
    throw error;
  }
}

async function runBack(
  { layer, ring }: LayerHalfInput,
  { throwIfAborted }: JobContext,
): Promise<LayerJobOutput | null> {
  const reader = new RingReader(ring);
  using outputs = new LayerOutputs(layer);
  const write = (bytes: Uint8Array, isPlain: boolean) => outputs.tar(isPlain).write(bytes);
  const scan = new ScanStage(layer, write, throwIfAborted);
  const message = await reader.read((bytes) => {
    scan.push(bytes, reader.flag === PLAIN);
    if (!scan.wantsMore) reader.skip();
  });
  if (message === null) return null;
  const { output, tree } = scan.finish(decodeResult(message));
  const treeSum = outputs.tree(tree);
  // Creates the tar's file for an empty layer, which has no bytes to write.
  outputs.tar();
  outputs.end();
  return { ...output, treeSum };
}

function encodeResult(result: InflateResult): Uint8Array {
  const record = (error: VarveError | null) => error === null ? null : toErrorRecord(error);
  const { failure, endFailure } = result;
  const value = { ...result, failure: record(failure), endFailure: record(endFailure) };
  return new TextEncoder().encode(JSON.stringify(value));
}

function decodeResult(bytes: Uint8Array): InflateResult {
  const value = JSON.parse(new TextDecoder().decode(bytes));
  const error = (record: Parameters<typeof fromErrorRecord>[0] | null) =>
    record === null ? null : fromErrorRecord(record);
  return { ...value, failure: error(value.failure), endFailure: error(value.endFailure) };
}
