import type { DiffId } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Ancestor } from "../contract.ts";

/** The ancestors of a snapshot: directories that lie on layers. */
export interface Stack {
  /** Cache ids, the topmost first. */
  readonly directories: readonly number[];
  /** Layers below them, the lowest first. */
  readonly layers: readonly DiffId[];
}

/**
 * Tells ancestors (the topmost first) apart.
 *
 * @throws {VarveError} `E_UNSUPPORTED` when a layer lies on a directory: what it only implies cannot be known
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
        `Cannot use the parents of a snapshot: layer ${layers[0]} lies on a directory`,
      );
    }
  }
  return { directories, layers };
}
