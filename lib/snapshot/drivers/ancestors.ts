import { type DiffId, sha256Hex } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Ancestor } from "../contract.ts";

/** Layers that lie directly on each other. */
export interface LayerRun {
  /** The layers, lowest first; at least one. */
  readonly diffIds: readonly DiffId[];
  /**
   * SHA-256 of the ancestors below, in hexadecimal digits: the implied directories of the layers have the attributes
   * that these ancestors give. `null` when nothing is below.
   */
  readonly below: string | null;
}

/** A part of the ancestors of a snapshot. */
export type Part =
  /** The directory of a committed snapshot. */
  | { readonly kind: "directory"; readonly cacheId: number }
  /** Layers of the store. */
  | { readonly kind: "layers"; readonly run: LayerRun };

/** Divides ancestors (topmost first) into directories and runs of layers, lowest first. */
export function partsOf(ancestors: readonly Ancestor[]): Part[] {
  const parts: Part[] = [];
  let diffIds: DiffId[] | undefined;
  for (const [i, ancestor] of ancestors.toReversed().entries()) {
    if (ancestor.kind === "directory") {
      diffIds = undefined;
      parts.push(ancestor);
    } else if (diffIds !== undefined) {
      diffIds.push(ancestor.diffId);
    } else {
      diffIds = [ancestor.diffId];
      const below = i === 0 ? null : nameOf(ancestors.slice(ancestors.length - i));
      parts.push({ kind: "layers", run: { diffIds, below } });
    }
  }
  return parts;
}

/** The runs of layers among ancestors (topmost first), lowest first. */
export function runsOf(ancestors: readonly Ancestor[]): LayerRun[] {
  return partsOf(ancestors).flatMap((part) => part.kind === "layers" ? [part.run] : []);
}

/** A name for ancestors. A committed directory and a layer never change, so neither does what they show. */
function nameOf(ancestors: readonly Ancestor[]): string {
  const ids = ancestors.map((ancestor) =>
    ancestor.kind === "layer" ? ancestor.diffId : ancestor.cacheId
  );
  return sha256Hex(new TextEncoder().encode(JSON.stringify(ids)));
}

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
 * @throws {VarveError} `E_UNSUPPORTED` when a layer is on top of a snapshot directory
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
        { hint: "use the erofs driver or the overlay driver" },
      );
    }
  }
  return { directories, layers };
}
