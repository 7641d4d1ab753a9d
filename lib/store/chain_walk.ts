import type { ChainId, DiffId } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import { chainId as chainIdOf } from "../layer/mod.ts";
import type { ChainRecord } from "./records.ts";
import { notFound } from "./rules.ts";

/**
 * The diffIDs of a chain, lowest first, from the rows of the chain and its parents.
 *
 * The rows are not trusted: the chainID is computed again from the diffIDs and compared.
 *
 * @param get looks up the row of a chain
 * @throws {VarveError} `E_NOT_FOUND` · `E_DAMAGE` when parents are missing, form a cycle, or do not make this chainID
 */
export function diffIdsOfChain(
  chainId: ChainId,
  get: (chainId: ChainId) => ChainRecord | undefined,
): DiffId[] {
  const seen = new Set<ChainId>();
  const diffIds: DiffId[] = [];
  for (let at: ChainId | null = chainId; at !== null;) {
    if (seen.has(at)) throw damaged(chainId, "its parents form a cycle");
    seen.add(at);
    const record: ChainRecord | undefined = get(at);
    if (record === undefined) {
      if (at === chainId) throw notFound("chain", chainId);
      throw damaged(chainId, `its parent ${at} is missing`);
    }
    diffIds.push(record.diffId);
    at = record.parent;
  }
  diffIds.reverse();
  let computed: ChainId | null = null;
  for (const diffId of diffIds) computed = chainIdOf(computed, diffId);
  if (computed !== chainId) throw damaged(chainId, `its layers make chain ${computed}`);
  return diffIds;
}

function damaged(chainId: ChainId, state: string): VarveError {
  return new VarveError("E_DAMAGE", `Cannot read chain ${chainId}: ${state}`, {
    subject: chainId,
    hint: "load or pull the image again",
  });
}
