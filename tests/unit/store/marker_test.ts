/** Markers: what they say, what is refused, and that they are written before the rows. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { sha256 } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { readMarker } from "../../../lib/store/disk/markers/marker.ts";
import {
  encodeMarker,
  type Marker,
  parseMarker,
  type SnapshotMarker,
} from "../../../lib/store/disk/markers/marker_format.ts";
import { type DiskStore, openStore, type SnapshotRow } from "../../../lib/store/mod.ts";
import { judgeIdle, judgeStore } from "../../conformance/store_judge.ts";
import {
  bringLayer,
  GZIP_LAYER,
  type SampleLayer,
  sampleLayer,
  TAR_LAYER,
} from "../../conformance/store_layers.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import "../../support/machine/needs.ts";
import { snapshotFacts } from "../../support/snapshots/snapshot_facts.ts";

const A = sha256(new Uint8Array([1]));
const B = sha256(new Uint8Array([2]));
const LONG = `sha512:${"0".repeat(128)}`;
const LABELS = JSON.parse('{"__proto__":"a","b":""}');
const MARKERS: readonly Marker[] = [
  {
    id: 1,
    kind: "layer",
    diffID: A,
    size: 5,
    treeDigest: A,
    treeSize: 6,
    treeSum: B,
    entries: 7,
    dirtyPadding: true,
    names: [LONG],
    blobs: [{ digest: B, size: 8, mediaType: GZIP_LAYER }],
  },
  { id: 2, kind: "chain", chainID: A, diffID: A, parent: null },
  { id: 3, kind: "chain", chainID: A, diffID: A, parent: B, image: B },
  {
    id: 4,
    kind: "snapshot",
    scope: "containerd",
    key: "k\n",
    owner: "0123456789abcdef",
    use: "committed",
    parent: "p",
    diffID: null,
    labels: LABELS,
    createdAt: 9,
    updatedAt: 10,
  },
];

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test("a marker says what was written", () => {
  for (const marker of MARKERS) {
    const read = parseMarker(encodeMarker(marker), "m");
    assertEquals(JSON.stringify(read), JSON.stringify(marker));
  }
});

Deno.test("a marker of version 1 is read without the fields of version 2", () => {
  for (
    const marker of [
      { id: 1, kind: "layer", diffID: A, size: 5, treeDigest: A, treeSize: 6, entries: 7 },
      {
        id: 1,
        kind: "layer",
        diffID: LONG,
        size: 5,
        treeDigest: A,
        treeSize: 6,
        treeSum: B,
        entries: 7,
      },
      { id: 2, kind: "chain", chainID: A, diffID: A, parent: null },
      { id: 3, kind: "snapshot", key: "k", owner: "0123456789abcdef" },
    ]
  ) {
    const text = `varve-marker 1\n${JSON.stringify(marker)}\n`;
    assertEquals(parseMarker(bytesOf(text), "m"), marker as Marker);
  }
});

Deno.test("a marker of version 2 is of the user's own scope, with its time in microseconds", () => {
  const fields = {
    ...{ id: 3, kind: "snapshot", key: "k", owner: "0123456789abcdef", use: "active" },
    ...{ parent: null, diffID: null, labels: [["a", "b"]], createdAt: 1795998308719 },
  };
  const read = parseMarker(bytesOf(`varve-marker 2\n${JSON.stringify(fields)}\n`), "m");
  const expected = { ...fields, scope: "", labels: { a: "b" }, createdAt: 1795998308719000 };
  assertEquals(JSON.parse(JSON.stringify(read)), expected);
});

Deno.test("a marker that is malformed, or of another version, is refused", () => {
  const refuse = (text: string) => {
    const error = assertThrows(() => parseMarker(bytesOf(text), "/m"), VarveError, "marker /m");
    assertEquals(error.code, "E_FORMAT", text);
  };
  for (
    const text of [
      "",
      "varve-marker 4\n{}",
      "varve-marker 3\n{}",
      "varve-marker 2\n{",
      "varve-marker 2\n[]",
      "{}",
    ]
  ) {
    refuse(text);
  }
  const wrong: Readonly<Record<string, readonly unknown[]>> = {
    id: [0, -1, 1.5, "1", 2 ** 53, undefined],
    kind: ["x", undefined],
    diffID: ["sha256:x", "../x", 1, undefined],
    size: [-1, 0.5, "5", undefined],
    treeDigest: ["x", undefined],
    treeSum: [null, "x"],
    entries: [null],
    dirtyPadding: [0, undefined],
    names: ["x", ["x"], undefined],
    blobs: [{}, [{}], [{ digest: A, size: -1, mediaType: "" }], undefined],
    chainID: ["x", undefined],
    parent: [1, undefined, ""],
    image: ["x"],
    key: ["", 1, undefined],
    owner: [1],
    use: ["x", undefined],
    labels: [{}, [["a"]], [["a", 1]], undefined],
    createdAt: [-1, undefined],
    updatedAt: [-1, undefined],
    scope: ["x", 1, null, undefined],
  };
  for (const marker of MARKERS) {
    const fields = JSON.parse(new TextDecoder().decode(encodeMarker(marker)).slice(15));
    for (const name of Object.keys(fields)) {
      for (const value of wrong[name] ?? []) {
        refuse(`varve-marker 3\n${JSON.stringify({ ...fields, [name]: value })}\n`);
      }
    }
  }
});

async function bring(store: DiskStore, layer: SampleLayer): Promise<void> {
  await using ingest = await store.ingest();
  await bringLayer(ingest, layer);
  await ingest.commit();
}

Deno.test("a blob that is proved later is in the marker of its layer", async () => {
  await using temp = await tempDir();
  const [first, second, plain] = [sampleLayer(1, 4096, 0), sampleLayer(1, 4096, 1), sampleLayer(1)];
  await using store = await openStore({ root: temp.path });
  const marked = async () => {
    const marker = await readMarker(`${store.directories.layer(first.diffId)}/marker`);
    if (marker.kind !== "layer") throw new Error("not a layer");
    return marker.blobs?.map(({ digest, mediaType }) => [digest, mediaType]);
  };
  const sorted = (layers: readonly SampleLayer[]) =>
    layers.map((layer) => [layer.digest, layer.mediaType] as [string, string]).sort();
  await bring(store, first);
  assertEquals(await marked(), sorted([first]));
  await bring(store, second);
  assertEquals(await marked(), sorted([first, second]));
  await bring(store, plain);
  assertEquals(await marked(), sorted([first, second, plain]));
  assertEquals(plain.mediaType, TAR_LAYER);
  const before = await Deno.stat(`${store.directories.layer(first.diffId)}/marker`);
  await bring(store, second);
  const after = await Deno.stat(`${store.directories.layer(first.diffId)}/marker`);
  assertEquals(after.ino, before.ino);
  await judgeStore(store);
});

Deno.test("ingests that prove blobs of one layer at the same time are all in its marker", async () => {
  await using temp = await tempDir();
  const layers = Array.from({ length: 6 }, (_, i) => sampleLayer(1, 4096, i));
  {
    const stores = await Promise.all(layers.map(() => openStore({ root: temp.path })));
    await Promise.all(stores.map((store, i) => bring(store, layers[i] as SampleLayer)));
    const [store] = stores as [DiskStore];
    const marker = await readMarker(`${store.directories.layer(layers[0]!.diffId)}/marker`);
    if (marker.kind !== "layer") throw new Error("not a layer");
    assertEquals(
      marker.blobs?.map(({ digest }) => digest as string),
      layers.map(({ digest }) => digest as string).sort(),
    );
    await judgeStore(store);
    for (const open of stores) await open[Symbol.asyncDispose]();
  }
  await judgeIdle(temp.path);
});

/** Makes a snapshot with its row. */
async function makeSnapshot(store: DiskStore, key: string): Promise<number> {
  const facts = snapshotFacts(key);
  const { cacheId } = await store.directories.createSnapshot(facts);
  put(store, { key, cacheId });
  return cacheId;
}

function put(
  store: DiskStore,
  row: Pick<SnapshotRow, "key" | "cacheId"> & Partial<SnapshotRow>,
): void {
  const rest = { parent: null, diffId: null, createdAt: 0, updatedAt: 0, usage: null } as const;
  store.snapshots.transact((table) => table.put({ kind: "active", labels: {}, ...rest, ...row }));
}

async function snapshotMarkerOf(store: DiskStore, cacheId: number): Promise<SnapshotMarker> {
  const marker = await readMarker(`${store.directories.snapshot(cacheId)}/marker`);
  if (marker.kind !== "snapshot") throw new Error("not a snapshot");
  return marker;
}

Deno.test("a change of a snapshot is in its marker before it is in its row", async () => {
  await using temp = await tempDir();
  {
    await using store = await openStore({ root: temp.path });
    const cacheId = await makeSnapshot(store, "k");
    const labels = { a: "b", "varve.released": "1" };
    const next = { ...snapshotFacts("name"), use: "committed", labels } as const;
    const seen: unknown[] = [];
    const result = await store.directories.changeSnapshot(cacheId, () => next, () => {
      const text = Deno.readTextFileSync(`${store.directories.snapshot(cacheId)}/marker`);
      const { key, use, labels } = JSON.parse(text.slice(15));
      seen.push(key, use, labels);
      return 7;
    });
    assertEquals(result, 7);
    assertEquals(seen, ["name", "committed", [["a", "b"]]]);
    const { ino } = await Deno.stat(`${store.directories.snapshot(cacheId)}/marker`);
    await store.directories.changeSnapshot(cacheId, () => next, () => 8);
    assertEquals((await Deno.stat(`${store.directories.snapshot(cacheId)}/marker`)).ino, ino);
    const refused = () =>
      store.directories.changeSnapshot(cacheId, () => snapshotFacts("other"), () => {
        throw new EvalError("no row");
      });
    await assertRejects(refused, EvalError);
    // The row says "k" still, so the marker says it again.
    assertEquals((await snapshotMarkerOf(store, cacheId)).key, "k");
    store.snapshots.transact((table) => table.delete("k"));
    await store.directories.removeSnapshot(cacheId);
    assertEquals(await store.directories.changeSnapshot(cacheId, () => next, () => 9), 9);
  }
  await judgeIdle(temp.path);
});

Deno.test("a snapshot that another process removes while its marker is replaced: the change itself says so", async () => {
  await using temp = await tempDir();
  await using store = await openStore({ root: temp.path });
  const cacheId = await makeSnapshot(store, "k");
  const { link } = Deno;
  try {
    // The last step before the new marker gets its name.
    Deno.link = async (from, to) => {
      await link(from, to);
      store.snapshots.transact((table) => table.delete("k"));
      await store.directories.removeSnapshot(cacheId);
    };
    const change = store.directories.changeSnapshot(cacheId, () => snapshotFacts("new"), () => {
      throw new EvalError("no row");
    });
    await assertRejects(() => change, EvalError);
  } finally {
    Deno.link = link;
  }
});

Deno.test("P1: a marker that cannot be written again after its row failed: the next start does it", async () => {
  await using temp = await tempDir();
  const { rename } = Deno;
  let cacheId = 0;
  {
    await using store = await openStore({ root: temp.path });
    cacheId = await makeSnapshot(store, "k");
    const change = store.directories.changeSnapshot(cacheId, () => snapshotFacts("new"), () => {
      Deno.rename = () => Promise.reject(new Error("Input/output error (os error 5)"));
      throw new EvalError("no row");
    });
    try {
      await assertRejects(() => change, EvalError);
    } finally {
      Deno.rename = rename;
    }
    assertEquals((await snapshotMarkerOf(store, cacheId)).key, "new");
  }
  {
    await using store = await openStore({ root: temp.path });
    assertEquals((await snapshotMarkerOf(store, cacheId)).key, "k");
    await judgeStore(store);
  }
  await judgeIdle(temp.path);
});

Deno.test("P1: a process that died between marker and row: the next start writes the marker from the row", async () => {
  await using temp = await tempDir();
  let cacheId = 0;
  {
    await using store = await openStore({ root: temp.path });
    cacheId = await makeSnapshot(store, "k");
  }
  // What a killed change leaves: the lock of its owner, the new marker, and its second name.
  const owner = "0123456789abcdef";
  const path = `${temp.path}/snapshots/${cacheId}/marker`;
  const marker = await readMarker(path) as SnapshotMarker;
  await Deno.writeTextFile(`${temp.path}/ingest/${owner}.lock`, "");
  await Deno.mkdir(`${temp.path}/ingest/${owner}`);
  await Deno.remove(path);
  await Deno.writeFile(path, encodeMarker({ ...marker, key: "new", use: "committed" }));
  await Deno.link(path, `${temp.path}/ingest/${owner}/${cacheId}.marker`);
  {
    await using store = await openStore({ root: temp.path });
    assertEquals((await snapshotMarkerOf(store, cacheId)).key, "k");
    await judgeStore(store);
  }
  await judgeIdle(temp.path);
});

Deno.test("P5: changes of one snapshot by several processes at the same time leave the last in marker and row", async () => {
  await using temp = await tempDir();
  {
    const stores = await Promise.all(
      Array.from({ length: 4 }, () => openStore({ root: temp.path })),
    );
    const [first] = stores as [DiskStore];
    const cacheId = await makeSnapshot(first, "k");
    await Promise.all(stores.map(async (store, i) => {
      for (let n = 0; n < 8; n++) {
        const labels = { by: `${i}.${n}` };
        const next = { ...snapshotFacts("k"), labels };
        const change = () => put(store, { key: "k", cacheId, labels });
        await store.directories.changeSnapshot(cacheId, () => next, change);
      }
    }));
    await judgeStore(first);
    for (const store of stores) await store[Symbol.asyncDispose]();
  }
  await judgeIdle(temp.path);
});
