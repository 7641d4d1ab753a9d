import { type ChainId, type DiffId, sha256 } from "../digest/mod.ts";

const encoder = new TextEncoder();

/** The chainID of a layer on a parent chain (image-spec, config.md, "Layer ChainID"). */
export function chainIdOf(parent: ChainId | null, diffId: DiffId): ChainId {
  // Both brands are digests: the chainID of a first layer is its diffID.
  if (parent === null) return diffId as unknown as ChainId;
  return sha256(encoder.encode(`${parent} ${diffId}`)) as ChainId;
}
