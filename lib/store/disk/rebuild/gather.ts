import { factOf, type HomeFact, homeFact, namesAt } from "../inspect/files.ts";
import type { ChainMarker, LayerMarker, SnapshotMarker } from "../markers/marker_format.ts";
import { LAYER_FILES, SNAPSHOT_FILES } from "../names.ts";
import type { Paths } from "../paths.ts";

/** What the directories with cache ids say of themselves. */
export interface Gathered {
  /** The layers, and whether tar and tree have the sizes that the marker says. */
  readonly layers: readonly { readonly marker: LayerMarker; readonly isWhole: boolean }[];
  readonly chains: readonly ChainMarker[];
  readonly snapshots: readonly SnapshotMarker[];
  /** The directories whose marker does not say what they are, by their path in the store. */
  readonly unknown: readonly string[];
  /**
   * The cache ids of those among them that are directories of snapshots with files. Markers of version 1 do not say
   * enough.
   */
  readonly unsaid: ReadonlySet<number>;
  /** The highest cache id on the disk; 0 when there is none. */
  readonly lastId: number;
}

/** Reads the markers of a store. */
export function gather(paths: Paths): Gathered {
  const layers = new Map<string, Gathered["layers"][number]>();
  const chains: ChainMarker[] = [];
  const snapshots = new Map<string, SnapshotMarker>();
  const unknown: string[] = [];
  const unsaid = new Set<number>();
  let lastId = 0;
  const see = (name: string) => {
    lastId = Math.max(lastId, Number(/^[1-9][0-9]*/.exec(name)?.[0] ?? 0));
  };
  for (const { name, home, path } of homesIn(paths, "layers")) {
    see(name);
    const { marker } = home;
    if (marker?.kind !== "layer" || marker.id !== Number(name)) unknown.push(path);
    else {
      const isWhole = hasSize(paths, name, LAYER_FILES.tar, marker.size) &&
        hasSize(paths, name, LAYER_FILES.tree, marker.treeSize);
      const known = layers.get(marker.diffID);
      if (known === undefined || !known.isWhole) layers.set(marker.diffID, { marker, isWhole });
    }
  }
  for (const { name, home, path } of homesIn(paths, "chains")) {
    see(name);
    const { marker } = home;
    if (marker?.kind === "chain" && marker.id === Number(name)) chains.push(marker);
    else unknown.push(path);
  }
  for (const { name: id, home, path } of homesIn(paths, "snapshots")) {
    see(id);
    const { marker, files } = home;
    const hasFiles = files.some((file) => file.name === SNAPSHOT_FILES.files);
    const isSnapshot = marker?.kind === "snapshot" && marker.id === Number(id) &&
      marker.use !== undefined && hasFiles;
    if (!isSnapshot) {
      unknown.push(path);
      if (hasFiles) unsaid.add(Number(id));
      continue;
    }
    const name = `${marker.scope ?? ""}\0${marker.key}`;
    if (snapshots.has(name)) unknown.push(path);
    else snapshots.set(name, marker);
  }
  for (const directory of [paths.lost, paths.trash]) {
    for (const name of namesAt(directory)) see(name);
  }
  return {
    layers: [...layers.values()],
    chains,
    snapshots: [...snapshots.values()],
    unknown,
    unsaid,
    lastId,
  };
}

function* homesIn(
  paths: Paths,
  kind: "layers" | "chains" | "snapshots",
): Generator<{ readonly name: string; readonly home: HomeFact; readonly path: string }> {
  for (const name of namesAt(paths[kind])) {
    const home = /^[1-9][0-9]{0,14}$/.test(name) ? homeFact(paths[kind], name) : undefined;
    if (home !== undefined) yield { name, home, path: `${kind}/${name}` };
  }
}

function hasSize({ layers }: Paths, id: string, name: string, size: number): boolean {
  const file = factOf(`${layers}/${id}`, name);
  return file?.type === "file" && file.size === size;
}
