import type { DiffId } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Ancestor } from "../contract.ts";

/** The ancestors of a snapshot by kind: committed directories, and the layers below them. */
export interface Stack {
  /** Cache ids of the committed directories, topmost first. */
  readonly directories: readonly number[];
  /** The layers below the directories, lowest first. */
  readonly layers: readonly DiffId[];
}

/**
 * Sorts ancestors (topmost first) by kind.
 *
 * @throws {VarveError} `E_UNSUPPORTED` when a layer is on top of a snapshot directory, because the attributes of its
 * implied directories are then unknown
 */
export function stackOf(ancestors: readonly Ancestor[]): Stack {
  const directories: number[] = [];
  const layers: DiffId[] = [];
  for (const ancestor of ancestors) {
    if (ancestor.kind === "layer") {
      layers.unshift(ancestor.diffId);
    } else if (layers.length === 0) {
      directories.push(ancestor.cacheId);
    } else {
      throw new VarveError(
        "E_UNSUPPORTED",
        `Cannot use the parents of a snapshot: layer ${
          layers[0]
        } is on top of a snapshot directory`,
      );
    }
  }
  return { directories, layers };
}
