import { CONTAINER_LABELS } from "../../container/internal.ts";
import type { ChainId, DiffId, Digest } from "../../digest/mod.ts";
import {
  GENERATION,
  LAYER_FILES,
  MARKER,
  ROOT_FILES,
  snapshotThing,
} from "../../store/internal.ts";
import type { DiskStore, Thing } from "../../store/mod.ts";
import type { UsageType } from "./contract.ts";

/** Files of a store that belong together. */
export interface Unit {
  readonly type: UsageType;
  /** Absolute path of a file, or of a directory with everything below it that is not another unit. */
  readonly path: string;
  /** What it belongs to; `null` for nothing that gc follows. */
  readonly thing: Thing | null;
}

/** The files of a layer that cannot be made again from it. */
const LAYER_OWN: ReadonlySet<string> = new Set([
  ...Object.values(LAYER_FILES),
  MARKER,
  GENERATION,
]);

/**
 * The units of a store. Every path below the root is in one unit: in that with the longest path. Units of images come
 * first, so a file that has several names counts there.
 */
export function unitsOf(store: DiskStore): Unit[] {
  const { root } = store;
  return [
    ...blobs(root),
    ...layers(store),
    ...chains(store),
    ...snapshots(store),
    ...named(root, ROOT_FILES.ingest, (name) => name.endsWith(".part") ? "parts" : undefined),
    ...named(root, ROOT_FILES.trash, () => "trash"),
    ...named(root, ROOT_FILES.lost, () => "lost"),
    { type: "store", path: root, thing: null },
  ];
}

function blobs(root: string): Unit[] {
  const directory = `${root}/${ROOT_FILES.content}/blobs`;
  return namesIn(directory).flatMap((algorithm) =>
    namesIn(`${directory}/${algorithm}`).map((hex): Unit => ({
      type: "images",
      path: `${directory}/${algorithm}/${hex}`,
      thing: `blob:${algorithm}:${hex}` as `blob:${Digest}`,
    }))
  );
}

function layers(store: DiskStore): Unit[] {
  const things = new Map(store.layers.list().map((one) => [String(one.cacheId), one.diffId]));
  const directory = `${store.root}/${ROOT_FILES.layers}`;
  const own: Unit[] = [], caches: Unit[] = [];
  for (const id of namesIn(directory)) {
    const diffId: DiffId | undefined = things.get(id);
    const thing: Thing | null = diffId === undefined ? null : `layer:${diffId}`;
    own.push({ type: "images", path: `${directory}/${id}`, thing });
    for (const name of namesIn(`${directory}/${id}`)) {
      if (LAYER_OWN.has(name)) continue;
      caches.push({ type: "caches", path: `${directory}/${id}/${name}`, thing });
    }
  }
  return [...own, ...caches];
}

function chains(store: DiskStore): Unit[] {
  const things = new Map<string, ChainId>();
  for (const { chainId, cacheId } of store.chains.list()) things.set(String(cacheId), chainId);
  const directory = `${store.root}/${ROOT_FILES.chains}`;
  return namesIn(directory).map((id) => {
    const chainId = things.get(id);
    return {
      type: "caches",
      path: `${directory}/${id}`,
      thing: chainId === undefined ? null : `chain:${chainId}`,
    };
  });
}

function snapshots(store: DiskStore): Unit[] {
  const rows = new Map(
    store.snapshots.all().map((row) => [String(row.cacheId), row]),
  );
  const directory = `${store.root}/${ROOT_FILES.snapshots}`;
  return namesIn(directory).map((id) => {
    const row = rows.get(id);
    const isContainer = row?.scope === "" && row.kind === "active" &&
      row.labels[CONTAINER_LABELS.image] !== undefined;
    return {
      type: isContainer ? "containers" : "snapshots",
      path: `${directory}/${id}`,
      thing: row === undefined ? null : snapshotThing(row),
    };
  });
}

function named(
  root: string,
  directory: string,
  typeOf: (name: string) => UsageType | undefined,
): Unit[] {
  return namesIn(`${root}/${directory}`).flatMap((name): Unit[] => {
    const type = typeOf(name);
    return type === undefined ? [] : [{ type, path: `${root}/${directory}/${name}`, thing: null }];
  });
}

function namesIn(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw error;
  }
}
