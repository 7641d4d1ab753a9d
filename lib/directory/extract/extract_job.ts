import { type ByteString, fromText } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import { foldSteps } from "../../layer/internal.ts";
import type { Fd } from "../../linux/mod.ts";
import type { Job } from "../../pool/mod.ts";
import type { TreeFile } from "../../store/mod.ts";
import { finishSteps } from "../../tree/internal.ts";
import { decodeTree, type Tree } from "../../tree/mod.ts";
import { attributeTree } from "../attribute_tree.ts";
import { layersAbove } from "../layers_above.ts";
import { readTree } from "../read_tree.ts";
import type { ExtractPart, ExtractPhase, ExtractPolicy, ExtractReport } from "./contract.ts";
import { extractTree } from "./extract_tree.ts";

/** What to extract from layers. */
export type ExtractForm =
  /** One layer as it is, with its whiteouts, which the policy converts or leaves out. */
  | "layer"
  /** The whole file system of a chain. Without layers it is empty. */
  | "root"
  /**
   * The directories of a chain that would have wrong attributes in an overlay of its layers; see
   * {@linkcode attributeTree}. With `lowers`, the layers lie on other directories.
   */
  | "attributes";

/** Input of {@linkcode extractJob}. */
export interface ExtractJobInput {
  /** What to extract from the layers. */
  readonly form: ExtractForm;
  /** The layer trees, lowest first. */
  readonly trees: readonly TreeFile[];
  /** An encoded layer tree that is extracted in place of {@linkcode trees}. */
  readonly encoded?: Uint8Array | undefined;
  /** Absolute paths of the directories on which the layers lie, topmost first; absent for none. */
  readonly lowers?: readonly ByteString[] | undefined;
  /** Paths of the layer tars. */
  readonly contents: readonly (readonly [DiffId, string])[];
  /** Descriptor of the target directory, which all threads share. */
  readonly target: Fd;
  /** What to leave out or to refuse. */
  readonly policy: ExtractPolicy;
  /** The phase to run. */
  readonly phase: ExtractPhase;
  /** The part of the phase `entries`; the whole phase when absent. */
  readonly part?: ExtractPart | undefined;
}

/**
 * The tree that this thread used last. The phases and parts of one extraction follow each other and
 * use the same tree. It is held weakly, so that an idle worker keeps no memory.
 */
let last: { readonly key: string; readonly tree: WeakRef<Tree> } | undefined;

/** Extracts a tree, or one phase or part of it, in a worker. */
export const extractJob: Job<ExtractJobInput, ExtractReport> = {
  name: "extract",
  entry: "extract",
  async run(input, { signal, throwIfAborted, progress }) {
    await Promise.resolve();
    const { policy, phase, part, target } = input;
    signal.throwIfAborted();
    const tell = ({ bytes }: ExtractReport) => progress({ read: bytes, written: bytes });
    const report = extractTree({
      tree: treeOf(input, throwIfAborted),
      target,
      contents: new Map(input.contents.map(([diffId, path]) => [diffId, fromText(path)])),
      policy,
      phase,
      part,
      checkpoint: (report) => {
        throwIfAborted();
        tell(report);
      },
    });
    tell(report);
    return report;
  },
};

function treeOf(
  { form, trees, encoded, lowers }: ExtractJobInput,
  checkpoint: () => void,
): Tree {
  if (encoded !== undefined) return makeTree(form, [decodeTree(encoded)], checkpoint, lowers);
  const key = JSON.stringify([form, trees, lowers]);
  const known = last?.key === key ? last.tree.deref() : undefined;
  if (known !== undefined) return known;
  const tree = makeTree(form, trees.map(readTree), checkpoint, lowers);
  last = { key, tree: new WeakRef(tree) };
  return tree;
}

/** The tree that is extracted from layers, lowest first. */
export function makeTree(
  form: ExtractForm,
  layers: readonly Tree[],
  checkpoint: () => void,
  lowers?: readonly ByteString[],
): Tree {
  if (form === "root") return finishSteps(foldSteps(layers), checkpoint);
  if (form === "attributes") {
    const right = lowers === undefined
      ? finishSteps(foldSteps(layers), checkpoint)
      : layersAbove(layers, lowers, checkpoint);
    return attributeTree(layers, right, checkpoint);
  }
  const [layer, ...more] = layers;
  if (layer === undefined || more.length > 0) {
    throw new RangeError("Cannot extract a layer: exactly one layer must be given");
  }
  return layer;
}
