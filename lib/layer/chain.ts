import { type ChainId, type DiffId, sha256 } from "../digest/mod.ts";

/**
 * The chainID of a stack of layers: `sha256(parent + " " + diffID)`, or the diffID itself for the lowest
 * layer (image-spec, config.md, "Layer ChainID").
 *
 * @param parent chainID of the stack below; null for the lowest layer
 * @param diffId diffID of the topmost layer
 */
export function chainId(parent: ChainId | null, diffId: DiffId): ChainId {
  if (parent === null) return diffId as string as ChainId;
  return sha256(new TextEncoder().encode(`${parent} ${diffId}`)) as ChainId;
}

/**
 * The chainIDs of an image, one for each layer, lowest first. The last chainID names the whole
 * stack.
 *
 * @example
 * ```ts
 * import { chainIds } from "@varve/varve/layer";
 * import { type DiffId, sha256 } from "@varve/varve/digest";
 *
 * const diffId = sha256(new Uint8Array()) as DiffId;
 * const [first, second] = chainIds([diffId, diffId]);
 * if (String(first) !== String(diffId) || first === second) throw new Error("never");
 * ```
 */
export function chainIds(diffIds: readonly DiffId[]): ChainId[] {
  const out: ChainId[] = [];
  let parent: ChainId | null = null;
  for (const diffId of diffIds) out.push(parent = chainId(parent, diffId));
  return out;
}
