import {
  buffersOf,
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

/** Minimum bytes of files for which the start of a second thread pays off. */
const WORTH_BYTES = 64 * 1024 * 1024;

/** A directory, and the parts of it that become a layer. */
interface DirectoryContents {
  /** The directory. */
  readonly place: ScanPlace;
  /** The content of the layer: a layer tree in file form. */
  readonly tree: Uint8Array;
  /** The rules of the scan. */
  readonly rules: ScanRules;
}

/** Input of {@linkcode directoryLayerJob}. */
export interface DirectoryLayerInput extends DirectoryContents {
  /** Approximate size of all files, in bytes. */
  readonly bytes: number;
  /** Where the job writes tar and tree. */
  readonly target: LayerTarget;
}

/**
 * Makes a layer from a directory, in one pass over its files. The tar goes through the layer job,
 * like a layer that is loaded. So the tar is proved to be loadable, and the job makes its tree.
 *
 * When it runs in two halves, one thread reads the files and hashes the tar, while the other thread
 * hashes each file and writes.
 */
export const directoryLayerJob: Job<DirectoryLayerInput, LayerJobOutput> = {
  name: "directory-layer",
  entry: "extract",
  run: async (input, context) =>
    await layerJob.run(layerOf(input), { ...context, stream: tarOf(input, context.signal) }),
  transfer: buffersOf,
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

/**
 * Bytes between two turns of the event loop. In such a turn the thread learns of a cancellation.
 */
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
