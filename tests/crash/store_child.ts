/**
 * A process of its own that works on a store: `deno run store_child.ts '<ChildTask>'`.
 *
 * It writes one word a line on stdout as it goes, and where it is to wait, it waits for a line on stdin.
 */
import { type Durability, openStore, type Store } from "../../lib/store/mod.ts";
import { bringLayer, finishLayer, sampleLayer } from "../conformance/store_layers.ts";
import { snapshotFacts } from "../support/snapshots/snapshot_facts.ts";
import { watchCalls } from "./store_calls.ts";

/** What a child does. */
export interface ChildTask {
  readonly root: string;
  /** Seeds of the layers. */
  readonly seeds: readonly number[];
  /** The name to give. */
  readonly image: string;
  /** Bytes of each layer. */
  readonly size?: number;
  /** Wait with a layer begun and not made, or with all finished and not committed. */
  readonly hold?: "begun" | "finished";
  /** Kill this process before its N-th call that changes something on the disk. */
  readonly killAt?: number;
  /** `"full"` when absent. */
  readonly durability?: Durability;
  /** The umask to start with. */
  readonly umask?: number;
  /** Also make a snapshot's directory and a chain's, and change the snapshot's label. */
  readonly directories?: boolean;
  /** Key of the snapshot; `"key"` when absent. Its files hold one with the key. */
  readonly key?: string;
  /** Only remove the snapshot with this key, which exists. */
  readonly remove?: string;
}

function say(word: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${word}\n`));
}

async function held(word: string): Promise<void> {
  say(word);
  await Deno.stdin.read(new Uint8Array(1));
}

let calls = 0;

async function work(task: ChildTask): Promise<void> {
  if (task.umask !== undefined) Deno.umask(task.umask);
  watchCalls((_, number) => {
    calls = number;
    if (number === task.killAt) Deno.kill(Deno.pid, "SIGKILL");
  });
  {
    await using store = await openStore({
      root: task.root,
      durability: task.durability ?? "full",
    });
    say("open");
    if (task.remove !== undefined) {
      await remove(store, task.remove);
      return say("removed");
    }
    await using ingest = await store.ingest();
    const layers = task.seeds.map((seed) => sampleLayer(seed, task.size ?? 4096, 0));
    for (const layer of layers) {
      if (task.hold !== "begun") say(await bringLayer(ingest, layer));
      else {
        const begun = await ingest.layer(layer.key, { blob: true });
        if (begun.state === "new") {
          await held("begun");
          await finishLayer(begun.staged, layer);
        }
        say(begun.state);
      }
    }
    if (task.hold === "finished") await held("finished");
    const target = await ingest.blob(new TextEncoder().encode(task.image), "text/plain");
    ingest.image(task.image, target);
    const chain = layers.map((layer) => layer.diffId);
    ingest.chain(chain);
    await ingest.commit();
    say("committed");
    if (task.directories === true) {
      const { key = "key" } = task;
      if (store.snapshots.read((table) => table.get(key)) === undefined) await snapshot(store, key);
      await relabel(store, key);
      await store.directories!.ensure(
        { chainId: store.chains.ensure(chain) },
        "fs",
        async (path) => {
          await Deno.writeTextFile(`${path}/made`, "");
        },
      );
      say("directories");
    }
  }
  say(`calls ${calls}`);
}

async function snapshot(store: Store, key: string): Promise<void> {
  const { cacheId, path } = await store.directories!.createSnapshot(snapshotFacts(key));
  for (const name of ["fs", "work"]) {
    await Deno.mkdir(`${path}/${name}`);
    await Deno.chmod(`${path}/${name}`, 0o700);
  }
  await store.directories!.finishSnapshot(
    cacheId,
    () =>
      store.snapshots.transact((table) =>
        table.put({
          key,
          kind: "active",
          parent: null,
          cacheId,
          diffId: null,
          labels: {},
          createdAt: 0,
          updatedAt: 0,
          usage: null,
        })
      ),
  );
  await Deno.writeTextFile(`${path}/fs/file`, key);
  await Deno.chmod(`${path}/fs/file`, 0o600);
}

async function remove(store: Store, key: string): Promise<void> {
  const { cacheId } = store.snapshots.read((table) => table.get(key))!;
  await store.directories!.removeSnapshot(
    cacheId!,
    () => store.snapshots.transact((table) => table.delete(key)),
  );
}

/** Gives the snapshot another label, in its marker and in its row. */
async function relabel(store: Store, key: string): Promise<void> {
  const row = store.snapshots.read((table) => table.get(key))!;
  const labels = { a: row.labels.a === "1" ? "2" : "1" };
  await store.directories!.changeSnapshot(
    row.cacheId!,
    () => ({ ...snapshotFacts(key), labels }),
    () => store.snapshots.transact((table) => table.put({ ...row, labels })),
  );
}

if (import.meta.main) await work(JSON.parse(Deno.args[0] as string));
