import { assertEquals, assertRejects } from "@std/assert";
import type { DiffId } from "../../../lib/digest/mod.ts";
import { sha256 } from "../../../lib/digest/mod.ts";
import { type ErrorCode, VarveError } from "../../../lib/errors.ts";
import { type JobContent, StoreLayerIngest } from "../../../lib/image/internal.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { openMemoryStore } from "../../../lib/store/mod.ts";

/** Brings a layer whose job fails with a code, and gives the number of attempts. */
async function attempts(code: ErrorCode): Promise<number> {
  await using store = openMemoryStore();
  await using ingest = await store.ingest();
  await using pool = createPool({ inline: true });
  const { signal } = new AbortController();
  const layers = new StoreLayerIngest({ store, ingest, pool, signal, verb: "pull" });
  let count = 0;
  const run = (): Promise<never> => {
    count++;
    return Promise.reject(new VarveError(code, "Cannot make the layer"));
  };
  const last: JobContent = { kind: "job", size: 1, run };
  const first: JobContent = { ...last, fallback: () => last };
  const digest = sha256(new Uint8Array(1));
  const wanted = { label: "layer", digest, diffId: digest as DiffId };
  const error = await assertRejects(() => layers.bring(wanted, first), VarveError);
  assertEquals(error.code, code);
  return count;
}

Deno.test("a layer is tried again from its fallback only after bad data", async () => {
  assertEquals([await attempts("E_DIGEST"), await attempts("E_LIMIT")], [2, 2]);
  // Other bytes do not help a full disk, and a registry that failed is not bad data.
  assertEquals([await attempts("E_SYSCALL"), await attempts("E_REGISTRY")], [1, 1]);
  assertEquals(await attempts("E_MISSING"), 1);
});
