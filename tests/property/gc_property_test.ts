import { assertEquals } from "@std/assert";
import type { DiffId, Digest } from "../../lib/digest/mod.ts";
import type { DiskStore, Lease, SnapshotRow } from "../../lib/store/mod.ts";
import { sha256Of } from "../support/images/images.ts";
import { prng } from "../support/prng.ts";
import { contentOf, gcFixture, snapshotRow } from "../unit/store/disk/gc/gc_fixture.ts";

/** Number of random stores, and of steps in each. */
const STORES = 6, STEPS = 30;
const LAYERS = ["a", "b", "c", "d", "e"];

/** A manifest, read without the code under test. */
interface Parts {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}

async function json(store: DiskStore, digest: string): Promise<unknown> {
  if (store.blobs.stat(digest as Digest) === undefined) return undefined;
  return JSON.parse(new TextDecoder().decode(await store.blobs.read(digest as Digest)));
}

/** The chainIDs of layers, lowest first. */
function chainsOf(diffIds: readonly string[]): string[] {
  const out: string[] = [];
  for (const diffId of diffIds) {
    const below = out.at(-1);
    out.push(below === undefined ? diffId : sha256Of(`${below} ${diffId}`));
  }
  return out;
}

/** The layers below and in a snapshot, lowest first, from the rows alone. */
function stackOf(rows: ReadonlyMap<string, SnapshotRow>, key: string | null): string[] {
  const row = key === null ? undefined : rows.get(key);
  if (row === undefined) return [];
  return [...stackOf(rows, row.parent), ...row.diffId === null ? [] : [row.diffId]];
}

/** What a store has to keep, by plain rules over plain rows. */
async function expected(store: DiskStore, isLive: (lease: Lease) => boolean): Promise<string[]> {
  const kept = new Set<string>();
  const keepStack = (diffIds: readonly string[]) => {
    for (const diffId of diffIds) kept.add(`layer:${diffId}`);
    for (const chain of chainsOf(diffIds)) kept.add(`chain:${chain}`);
  };
  const keepManifest = async (digest: string) => {
    kept.add(`blob:${digest}`);
    const manifest = await json(store, digest) as Parts | undefined;
    if (manifest === undefined) return;
    kept.add(`blob:${manifest.config.digest}`);
    for (const layer of manifest.layers) kept.add(`blob:${layer.digest}`);
    const config = await json(store, manifest.config.digest) as {
      readonly rootfs: { readonly diff_ids: readonly string[] };
    } | undefined;
    keepStack(config?.rootfs.diff_ids ?? []);
  };
  const keepChain = (chain: string) => {
    const record = store.chains.list().find(({ chainId }) => chainId === chain);
    kept.add(`chain:${chain}`);
    if (record === undefined) return;
    kept.add(`layer:${record.diffId}`);
    if (record.parent !== null) keepChain(record.parent);
  };
  const rows = new Map(store.snapshots.read((table) => table.list()).map((row) => [row.key, row]));
  const keepSnapshot = async (key: string) => {
    const row = rows.get(key);
    if (row === undefined) return;
    kept.add(`snapshot:${key}`);
    keepStack(stackOf(rows, key));
    const manifest = row.labels["varve.image.manifest"];
    if (row.kind === "active" && manifest !== undefined) await keepManifest(manifest);
    if (row.parent !== null) await keepSnapshot(row.parent);
  };
  for (const { target } of store.images.list()) await keepManifest(target.digest);
  for (const row of rows.values()) {
    const isCache = row.kind === "committed" && row.cacheId === null &&
      Object.keys(row.labels).length === 0 && chainsOf(stackOf(rows, row.key)).at(-1) === row.key;
    if (!isCache) await keepSnapshot(row.key);
  }
  for (const lease of store.leases.list().filter(isLive)) {
    for (const resource of lease.resources) {
      const [kind = "", name = ""] = [
        resource.slice(0, resource.indexOf(":")),
        resource.slice(resource.indexOf(":") + 1),
      ];
      if (kind === "chain") keepChain(name);
      else if (kind === "snapshot") await keepSnapshot(name);
      else if (kind === "blob" && (await json(store, name).catch(() => null) as Parts)?.layers) {
        await keepManifest(name);
      } else kept.add(resource);
    }
  }
  // The snapshots of kept chains are caches, which stay.
  for (const key of rows.keys()) if (kept.has(`chain:${key}`)) kept.add(`snapshot:${key}`);
  return contentOf(store).filter((thing) => kept.has(thing));
}

for (let seed = 1; seed <= STORES; seed++) {
  Deno.test(`gc keeps exactly what the plain rules keep, seed ${seed}`, async () => {
    await using fixture = await gcFixture();
    const { store } = fixture;
    const random = prng(seed);
    const pick = <T>(values: readonly T[]): T | undefined =>
      values.length === 0 ? undefined : values[random.int(0, values.length)];
    const name = () => `docker.io/library/${pick(["x", "y", "z"])}:1`;
    const isLive = ({ id }: Lease) => id.startsWith("live");
    const steps: (() => Promise<void> | void)[] = [
      async () => {
        const layers = LAYERS.slice(0, 1 + random.int(0, 3));
        const top = pick(LAYERS);
        await fixture.load(name(), [...layers, ...top ? [top] : []], pick(["gzip", "none"]));
      },
      () => void store.images.removeAll([pick(store.images.list())?.name ?? "none"]),
      () => {
        const image = pick(store.images.list());
        if (image !== undefined) store.images.set(name(), image.target);
      },
      () => {
        const chain = pick(store.chains.list());
        if (chain === undefined) return;
        const diffIds = store.chains.diffIds(chain.chainId);
        const names = chainsOf(diffIds);
        store.snapshots.transact((table) => {
          for (const [i, key] of names.entries()) {
            const row = { key, kind: "committed" as const, diffId: diffIds[i] as DiffId };
            table.put(snapshotRow({ ...row, parent: names[i - 1] ?? null }));
          }
        });
      },
      () => {
        const parents = store.snapshots.read((table) => table.list())
          .filter(({ kind }) => kind === "committed");
        const manifest = pick(store.images.list())?.target.digest;
        const labels = random.int(0, 2) === 0 || manifest === undefined
          ? {}
          : { "varve.image.manifest": manifest };
        const key = `key-${random.int(0, 4)}`;
        const kind = pick(["active", "view", "committed"] as const)!;
        const parent = pick(parents)?.key ?? null;
        store.snapshots.transact((table) => {
          if (!table.hasChildren(key) && parent !== key) {
            table.put(snapshotRow({ key, kind, parent, labels, cacheId: 1000 + random.int(0, 9) }));
          }
        });
      },
      () =>
        store.snapshots.transact((table) => {
          const row = pick(table.list().filter(({ key }) => !table.hasChildren(key)));
          if (row !== undefined) table.delete(row.key);
        }),
      () => {
        const id = `${pick(["live", "dead"])}-${random.int(0, 3)}`;
        const resource = pick(contentOf(store));
        if (store.leases.get(id) !== undefined) store.leases.remove(id);
        else if (resource !== undefined) {
          store.leases.create({
            id,
            createdAt: 1,
            expiresAt: null,
            labels: {},
            resources: [resource],
          });
        }
      },
      async () => {
        const wanted = await expected(store, isLive);
        const { unreadable } = await store.collector.collect({ isLive });
        assertEquals(unreadable, []);
        assertEquals(contentOf(store), wanted);
      },
    ];
    for (let i = 0; i < STEPS; i++) await pick(steps)!();
    await steps.at(-1)!();
  });
}
