import { assert, assertEquals } from "@std/assert";
import { VarveError } from "../../lib/errors.ts";
import { openStore, type Store } from "../../lib/store/mod.ts";
import { judgeIdle, judgeStore } from "../conformance/store_judge.ts";
import { bringLayer, sampleLayer } from "../conformance/store_layers.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { snapshotFacts } from "../support/snapshots/snapshot_facts.ts";
import { watchCalls } from "./store_calls.ts";
import "../support/machine/needs.ts";

/** An error of the kernel, as Deno throws it; of SQLite, as node:sqlite does. */
const FAULTS: Readonly<Record<string, readonly [code: string, number: number, sqlite: number]>> = {
  ENOSPC: ["ENOSPC", 28, 13],
  EIO: ["EIO", 5, 10],
  EDQUOT: ["", 122, 13],
  EMFILE: ["EMFILE", 24, 14],
  EROFS: ["EROFS", 30, 8],
};

function fault(errno: string, call: string): Error {
  const [code, number, errcode] = FAULTS[errno] as (typeof FAULTS)[string];
  if (call === "run") {
    const details = { code: "ERR_SQLITE_ERROR", errcode };
    return Object.assign(new Error("SQLite says no"), details);
  }
  const error = new Error(`No way (os error ${number}): ${call}`);
  return code === "" ? error : Object.assign(error, { code });
}

async function work(root: string): Promise<void> {
  await using store = await openStore({ root });
  const layers = [sampleLayer(1), sampleLayer(2, 2048, 0)];
  {
    await using ingest = await store.ingest();
    for (const layer of layers) await bringLayer(ingest, layer);
    const target = await ingest.blob(new TextEncoder().encode("{}"), "text/plain");
    ingest.image("a", target);
    ingest.chain(layers.map((layer) => layer.diffId));
    await ingest.commit();
  }
  await makeSnapshot(store);
  const [lowest] = layers as [typeof layers[0]];
  await store.directories?.ensure({ diffId: lowest.diffId }, "fs", () => Promise.resolve());
}

async function makeSnapshot(store: Store): Promise<void> {
  if (store.snapshots.read((table) => table.get("k")) !== undefined) return;
  const made = await store.directories?.createSnapshot(snapshotFacts("k"));
  const cacheId = made?.cacheId ?? null;
  const row = { kind: "active", parent: null, diffId: null, labels: {}, usage: null } as const;
  try {
    store.snapshots.transact((table) =>
      table.put({ key: "k", cacheId, createdAt: 0, updatedAt: 0, ...row })
    );
  } catch (error) {
    await store.directories?.removeSnapshot(cacheId ?? 0);
    throw error;
  }
}

/** All errors of a work and of what it did to clean up. */
function errorsIn(error: unknown): unknown[] {
  if (!(error instanceof SuppressedError)) return [error];
  return [...errorsIn(error.error), ...errorsIn(error.suppressed)];
}

/** Fails every call from the N-th on for `times` calls; then all is well again. */
async function failAt(errno: string, first: number, times: number): Promise<boolean> {
  await using temp = await tempDir();
  const root = temp.join("store");
  let reached = false;
  let failed: unknown;
  {
    using _ = watchCalls((name, number) => {
      if (number < first || number >= first + times || name === "close") return;
      reached = true;
      throw fault(errno, name);
    });
    failed = await work(root).then(() => undefined, (error) => error);
  }
  const at = `${errno} at call ${first} of ${times}`;
  for (const error of failed === undefined ? [] : errorsIn(failed)) {
    const simulated = String(error).includes("os error") && !(error instanceof VarveError);
    if (simulated) continue;
    assert(error instanceof VarveError, `${at}: ${Deno.inspect(error)}`);
    assert(["E_SYSCALL", "E_DB"].includes(error.code), `${at}: ${error.code} ${error.message}`);
  }
  {
    await using store = await openStore({ root });
    const images = store.images.list().length;
    assertEquals(store.layers.list().length, images === 1 ? 2 : 0, at);
    await judgeStore(store);
  }
  await judgeIdle(root);
  await work(root);
  await using store = await openStore({ root });
  assertEquals(store.images.list().length, 1, at);
  await judgeStore(store);
  return reached;
}

for (const errno of Object.keys(FAULTS)) {
  Deno.test(`J02, P6: ${errno} of any call is a clean error, and the next try succeeds`, async () => {
    // Different steps, so that the errors together try every call.
    const step = 4;
    const begin = 1 + Object.keys(FAULTS).indexOf(errno);
    for (let first = begin;; first += step) {
      if (!await failAt(errno, first, 1)) break;
    }
    for (let first = begin;; first += 3 * step) {
      if (!await failAt(errno, first, 1000)) break;
    }
  });
}
