import type { Chains, Images, Ingest } from "../contract.ts";
import { type BlobBackend, StagingIngest } from "../staging/ingest.ts";
import { commitPlan } from "./commit.ts";
import { MemoryLayerBackend } from "./layers.ts";
import type { KeyedLocks } from "./locks.ts";
import { PieceList } from "./piece_list.ts";
import type { MemoryState, StagedBytes } from "./state.ts";

/** The parts of a memory store that its ingests share. */
export interface MemoryParts {
  readonly state: MemoryState;
  readonly locks: KeyedLocks;
  readonly chains: Chains;
  readonly images: Images;
  /** Called when the ingest has ended. */
  readonly onEnd: (ingest: Ingest) => void;
}

/**
 * Begins an ingest into a memory store. Staged content is kept separate from the content of the
 * store until one synchronous commit adds it.
 */
export function beginIngest({ state, locks, onEnd, ...rows }: MemoryParts): Ingest {
  const ingest: Ingest = new StagingIngest({
    layers: new MemoryLayerBackend(state, locks),
    blobs: BLOBS,
    commit: (plan) => Promise.try(commitPlan, state, plan, rows),
    end: () => Promise.resolve(onEnd(ingest)),
  });
  return ingest;
}

const BLOBS: BlobBackend<Pick<StagedBytes, "bytes">> = {
  async write(pieces) {
    const copies: Uint8Array[] = [];
    // The caller may reuse the buffer of a piece.
    for await (const piece of pieces) copies.push(piece.slice());
    return { bytes: new PieceList(copies) };
  },
  remove: () => Promise.resolve(),
};
