import type { ByteString } from "../../bytes/mod.ts";
import type { Warning } from "../../layer/mod.ts";
import { statFd } from "../../linux/mod.ts";
import {
  type Job,
  type JobContext,
  layerJob,
  type LayerJobOutput,
  type LayerTarget,
} from "../../pool/mod.ts";
import { type DirectoryNode, encodeTree, rootOf, type Tree } from "../../tree/mod.ts";
import { assembleParts } from "./assemble.ts";
import { OpenBase } from "./base.ts";
import { joinBytes } from "./bytes.ts";
import { ContentReader } from "./contents.ts";
import type { ScanBase, ScanDirectory, ScanPart, ScanPlace } from "./contract.ts";
import { guarded } from "./failure.ts";
import { layerTar } from "./layer_tar.ts";
import { listDirectories } from "./list.ts";
import { NodeReader } from "./nodes.ts";
import { openScanned } from "./open.ts";
import { scanDirectories, type ScanRules } from "./scan.ts";
import { mergeWarnings } from "./warnings.ts";

/** Lists the directories of a scan, in a worker. */
export const listJob: Job<ScanPlace, ScanDirectory[]> = {
  name: "list",
  entry: "extract",
  run: (place, { signal }) => later(signal, () => listDirectories(place)),
};

/** Input of {@linkcode scanJob}. */
export interface ScanJobInput {
  /** Where. */
  readonly place: ScanPlace;
  /** What it is compared with. */
  readonly base: ScanBase;
  /** What of it. */
  readonly directories: readonly ScanDirectory[];
  /** How entries are judged. */
  readonly rules: ScanRules;
}

/** Scans some directories, in a worker. */
export const scanJob: Job<ScanJobInput, ScanPart> = {
  name: "scan",
  entry: "extract",
  run: ({ place, base, directories, rules }, { signal, progress }) =>
    later(signal, () => {
      using open = new OpenBase(base);
      let read = 0;
      return scanDirectories(place, directories, open.tree, rules, (bytes) => {
        read += bytes;
        if (bytes > 0) progress({ read, written: 0 });
      });
    }),
};

/** Input of {@linkcode directoryLayerJob}. */
export interface DirectoryLayerInput {
  /** Where. */
  readonly place: ScanPlace;
  /** What it was compared with. */
  readonly base: ScanBase;
  /** What was found. */
  readonly parts: readonly ScanPart[];
  /** How entries are judged. */
  readonly rules: ScanRules;
  /** Where tar and tree go; `null` to give the tree alone. */
  readonly target: LayerTarget | null;
}

/** What a directory changes. */
export interface DirectoryLayer {
  /** The layer as if it had been loaded; `null` when there is none or none was wanted. */
  readonly layer: LayerJobOutput | null;
  /** The layer tree in its file form, contents told; `null` where it went to the target. */
  readonly tree: Uint8Array | null;
  /** Whether nothing changes. */
  readonly empty: boolean;
  /** What was left out. */
  readonly warnings: readonly Warning[];
}

/** Makes one layer of the parts of a scan, in a worker: tree, tar and digests in one pass over the contents. */
export const directoryLayerJob: Job<DirectoryLayerInput, DirectoryLayer> = {
  name: "directory-layer",
  entry: "extract",
  async run(input, context) {
    await Promise.resolve();
    context.signal.throwIfAborted();
    using base = new OpenBase(input.base);
    return input.target === null
      ? treeOnly(input, base.tree, context)
      : await makeLayer(input, input.target, base.tree, context);
  },
};

async function makeLayer(
  input: DirectoryLayerInput,
  target: LayerTarget,
  base: Tree,
  context: JobContext,
): Promise<DirectoryLayer> {
  const { place, parts, rules: { policy = {}, limits = {} } } = input;
  const warnings = mergeWarnings(parts.map((part) => part.warnings));
  const nodes = new NodeReader(place.form, policy, limits);
  const tree = assembleParts(place.form, parts, base, directoryReader(place, nodes));
  if (isEmpty(tree)) return { layer: null, tree: null, empty: true, warnings };
  const pieces = layerTar(tree, new ContentReader(place.root), nodes);
  // What a load does proves here that the tar can be loaded, and says what its tree is.
  const layer = await layerJob.run({
    source: { kind: "stream" },
    target,
    expected: {},
    policy,
    limits,
  }, { ...context, stream: withTurns(pieces, context.signal) });
  return {
    layer,
    tree: null,
    empty: false,
    warnings: mergeWarnings([warnings, layer.warnings]),
  };
}

function treeOnly(
  { place, parts, rules: { policy = {}, limits = {} } }: DirectoryLayerInput,
  base: Tree,
  { progress }: JobContext,
): DirectoryLayer {
  const contents = new ContentReader(place.root);
  let read = 0;
  const onBytes = (bytes: number) => progress({ read: read += bytes, written: 0 });
  const nodes = new NodeReader(place.form, policy, limits);
  const tree = assembleParts(
    place.form,
    parts,
    base,
    directoryReader(place, nodes),
    (path, node) =>
      guarded(path, () => {
        const { stat: { mode, uid, gid, mtime, size }, digest } = contents.hash(path, onBytes);
        return { ...node, mode, uid, gid, mtime, size, digest };
      }),
  );
  return {
    layer: null,
    tree: joinBytes(encodeTree(tree)),
    empty: isEmpty(tree),
    warnings: mergeWarnings(parts.map((part) => part.warnings)),
  };
}

function directoryReader(
  { root }: ScanPlace,
  nodes: NodeReader,
): (path: ByteString) => DirectoryNode {
  return (path) =>
    guarded(path, () => {
      using directory = openScanned(root, path);
      return nodes.directory(directory.fd, statFd(directory.fd), path, false);
    });
}

function isEmpty(tree: Tree): boolean {
  return tree.count === 0 && rootOf(tree).implied;
}

/** Bytes between two turns of the event loop, in which the thread hears that it is to stop. */
const TURN = 16 * 1024 * 1024;

async function* withTurns(
  pieces: Iterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  let bytes = 0;
  for (const piece of pieces) {
    yield piece;
    bytes += piece.length;
    if (bytes < TURN) continue;
    bytes = 0;
    await new Promise((resolve) => setTimeout(resolve));
    signal.throwIfAborted();
  }
}

/** Handlers must not throw before they have returned their promise. */
async function later<T>(signal: AbortSignal, act: () => T): Promise<T> {
  await Promise.resolve();
  signal.throwIfAborted();
  return act();
}
