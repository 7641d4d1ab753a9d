/** Checks a whole store: its rows and its files must agree. */
import { assertEquals } from "@std/assert";
import type { SnapshotRow, Store } from "../../lib/store/mod.ts";

/** All paths below a directory, sorted. */
export async function filesOf(directory: string, below = ""): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${directory}/${below}`)) {
    const path = below === "" ? name : `${below}/${name}`;
    paths.push(path);
    if (isDirectory) paths.push(...await filesOf(directory, path));
  }
  return paths.sort();
}

/** Asserts that all rows have their files, with the right content, and that no file is without a row. */
export async function judgeStore(
  store: Store,
  extra: { readonly snapshots?: number; readonly index?: false } = {},
): Promise<void> {
  const root = store.root as string;
  for (const { digest } of store.blobs.list()) await store.blobs.read(digest, Infinity);
  for (const { diffId } of store.layers.list()) {
    await (await store.layers.open(diffId)).pipeTo(new WritableStream());
    store.directories?.layerTree(diffId);
  }
  for (const { chainId } of store.chains.list()) store.chains.diffIds(chainId);
  const layers = store.layers.list().map((layer) => String(layer.cacheId)).sort();
  assertEquals(await names(`${root}/layers`), layers);
  const ids = store.chains.list().flatMap(({ cacheId }) => cacheId === null ? [] : [`${cacheId}`]);
  assertEquals(await names(`${root}/chains`), ids.sort());
  const snapshots = store.snapshots.all();
  const kept = snapshots.filter((row) => row.cacheId !== null).length + (extra.snapshots ?? 0);
  assertEquals((await names(`${root}/snapshots`)).length, kept);
  for (const row of snapshots) await judgeMarker(root, row);
  const blobs = store.blobs.list().map(({ digest }) => digest.replace("sha256:", "")).sort();
  assertEquals(await names(`${root}/content/blobs/sha256`), blobs);
  assertEquals(await names(`${root}/trash`), []);
  if (extra.index === false) return;
  const index = JSON.parse(await Deno.readTextFile(`${root}/content/index.json`));
  const shown = index.manifests.map((m: { digest: string }) => m.digest).sort();
  assertEquals(shown, store.images.list().map((image) => image.target.digest).sort());
}

/** Asserts that the marker of a snapshot's directory says what its row says. */
async function judgeMarker(root: string, row: SnapshotRow): Promise<void> {
  if (row.cacheId === null) return;
  const path = `${root}/snapshots/${row.cacheId}/marker`;
  const [version, json = ""] = (await Deno.readTextFile(path)).split("\n");
  assertEquals(version, "varve-marker 3");
  const { scope, key, use, parent, diffID, labels, createdAt, updatedAt } = JSON.parse(json);
  const { "varve.released": _, ...marked } = row.labels;
  assertEquals(
    { scope, key, use, parent, diffID, labels: Object.fromEntries(labels), createdAt, updatedAt },
    {
      scope: row.scope,
      key: row.key,
      use: row.kind,
      parent: row.parent,
      labels: marked,
      diffID: row.diffId,
      createdAt: row.createdAt,
      updatedAt: row.updatedAt,
    },
  );
}

/**
 * Asserts that a closed store has nothing staged and no lock left.
 *
 * @param kept names that may be there: parts of downloads are kept for the next pull
 */
export async function judgeIdle(root: string, kept?: RegExp): Promise<void> {
  const left = (await names(`${root}/ingest`)).filter((name) => name !== "index.lock");
  assertEquals(left.filter((name) => !kept?.test(name)), []);
}

async function names(path: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(path)) found.push(entry.name);
  return found.sort();
}
