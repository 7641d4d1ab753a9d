import {
  layerFrontJob,
  type LayerHalfInput,
  layerJob,
  type LayerJobInput,
} from "../../layer_job/internal.ts";
import type { LayerJobOutput, LayerTarget } from "../../layer_job/mod.ts";
import type { Halves, Job } from "../../pool/mod.ts";
import { decodeTree } from "../../tree/mod.ts";
import { ContentReader } from "./content_reader.ts";
import type { ScanPlace } from "./contract.ts";
import { layerTar } from "./layer_tar.ts";
import { NodeReader } from "./node_reader.ts";
import type { ScanRules } from "./scan_directories.ts";

/** Bytes of files from which a second thread is worth its start. */
const WORTH_BYTES = 64 * 1024 * 1024;

/** A directory, and what of it becomes a layer. */
interface DirectoryContents {
  /** The directory. */
  readonly place: ScanPlace;
  /** What the layer will hold: a layer tree in file form. */
  readonly tree: Uint8Array;
  /** The rules of the scan. */
  readonly rules: ScanRules;
}

/** Input of {@linkcode directoryLayerJob}. */
export interface DirectoryLayerInput extends DirectoryContents {
  /** About the number of bytes that its files have. */
  readonly bytes: number;
  /** Where the job writes tar and tree. */
  readonly target: LayerTarget;
}

/**
 * Makes a layer of a directory, in one pass over its files. The tar goes through the same job as a layer that is
 * loaded. This proves that the tar can be loaded, and makes its tree.
 *
 * In two halves, one thread reads the files and hashes the tar, while the other one hashes each file and writes.
 */
export const directoryLayerJob: Job<DirectoryLayerInput, LayerJobOutput> = {
  name: "directory-layer",
  entry: "extract",
  run: async (input, context) =>
    await layerJob.run(layerOf(input), { ...context, stream: tarOf(input, context.signal) }),
  halves(input): Halves<LayerJobOutput> | null {
    const halves = input.bytes < WORTH_BYTES ? null : layerJob.halves?.(layerOf(input)) ?? null;
    if (halves === null) return null;
    const { place, tree, rules } = input;
    const half = halves.front.input as LayerHalfInput;
    const front: FrontInput = { directory: { place, tree, rules }, half };
    return { ...halves, front: { job: directoryFrontJob, input: front } };
  },
};

interface FrontInput {
  readonly directory: DirectoryContents;
  readonly half: LayerHalfInput;
}

/** The half of {@linkcode directoryLayerJob} that reads the files. */
export const directoryFrontJob: Job<FrontInput, boolean> = {
  name: "directory-layer-front",
  entry: "extract",
  run: async ({ directory, half }, context) =>
    await layerFrontJob.run(half, { ...context, stream: tarOf(directory, context.signal) }),
};

function layerOf({ target, rules: { policy, limits } }: DirectoryLayerInput): LayerJobInput {
  return {
    source: { kind: "stream" },
    target,
    expected: {},
    policy,
    limits,
  };
}

/** Bytes between two turns of the event loop, in which the thread learns that it is cancelled. */
const TURN = 64 * 1024 * 1024;

async function* tarOf(
  { place, tree, rules }: DirectoryContents,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const nodes = new NodeReader(place.form, rules);
  let bytes = 0;
  for (const piece of layerTar(decodeTree(tree), new ContentReader(place.root), nodes)) {
    yield piece;
    bytes += piece.length;
    if (bytes < TURN) continue;
    bytes = 0;
    await new Promise((resolve) => setTimeout(resolve));
    signal.throwIfAborted();
  }
}
