/** A disk store with images, for tests of garbage collection. */
import { loadImages } from "../../../../../lib/archive/mod.ts";
import type { DiffId } from "../../../../../lib/digest/mod.ts";
import { createPool, type Pool } from "../../../../../lib/pool/mod.ts";
import { type DiskStore, openStore, type SnapshotRow } from "../../../../../lib/store/mod.ts";
import {
  archiveTar,
  buildImage,
  type BuiltImage,
  ociFiles,
  type Packing,
} from "../../../../support/images/images.ts";
// Opens libc before the first test begins.
import "../../../../support/machine/needs.ts";
import { type TempDir, tempDir } from "../../../../support/machine/temp_dir.ts";

/** A store, and what a test does with it. */
export interface GcFixture extends AsyncDisposable {
  readonly temp: TempDir;
  readonly root: string;
  readonly store: DiskStore;
  /** Loads an image of layers with one file each. Equal texts are equal layers. */
  load(name: string, layers: readonly string[], packing?: Packing): Promise<BuiltImage>;
}

/** Makes an empty store. `at` is its root; a directory of the fixture when absent. */
export async function gcFixture(at?: string): Promise<GcFixture> {
  const stack = new AsyncDisposableStack();
  const temp = stack.use(await tempDir());
  const root = at ?? temp.join("store");
  const store = stack.use(await openStore({ root, durability: "none" }));
  const pool = stack.use(createPool({ inline: true }));
  return {
    temp,
    root,
    store,
    load: (name, layers, packing = "gzip") => loadFiles(store, pool, { name, layers, packing }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function loadFiles(
  store: DiskStore,
  pool: Pool,
  { name, layers, packing }: {
    readonly name: string;
    readonly layers: readonly string[];
    readonly packing: Packing;
  },
): Promise<BuiltImage> {
  const image = buildImage({
    name,
    packing,
    layers: layers.map((text) => [{ name: `${text}.txt`, content: text.repeat(2000) }]),
  });
  const tar = archiveTar(ociFiles([image]));
  await loadImages(store, new Blob([tar]).stream(), { pool });
  return image;
}

/** A row of a snapshot, with what a test does not say as in an active one. */
export function snapshotRow(row: Partial<SnapshotRow> & { readonly key: string }): SnapshotRow {
  return {
    scope: "",
    kind: "active",
    parent: null,
    cacheId: null,
    diffId: null,
    labels: {},
    createdAt: 1,
    updatedAt: 1,
    usage: null,
    ...row,
  };
}

/** The diffIDs of an image. */
export function diffIdsOf(image: BuiltImage): DiffId[] {
  return image.layers.map(({ diffId }) => diffId as DiffId);
}

/** Everything that a store holds, as `kind:name`, sorted. */
export function contentOf(store: DiskStore): string[] {
  return [
    ...store.blobs.list().map(({ digest }) => `blob:${digest}`),
    ...store.layers.list().map(({ diffId }) => `layer:${diffId}`),
    ...store.chains.list().map(({ chainId }) => `chain:${chainId}`),
    ...store.snapshots.read((table) => table.list()).map(({ key }) => `snapshot:${key}`),
  ].sort();
}

/** Bytes on the disk below a path, each file once, as `du` counts. */
export async function diskUsage(path: string): Promise<number> {
  const { stdout } = await new Deno.Command("du", { args: ["-s", "-B1", path] }).output();
  return Number(new TextDecoder().decode(stdout).split("\t")[0]);
}
