/** Layers and directories of snapshots in any order show what the same stack of layers shows. */
import { assertEquals } from "@std/assert";
import { type ByteString, fromText } from "../../lib/bytes/mod.ts";
import type { DiffId } from "../../lib/digest/mod.ts";
import { layersAbove } from "../../lib/directory/internal.ts";
import { extractTree } from "../../lib/directory/extract/extract_tree.ts";
import { foldLayers, squashLayers } from "../../lib/layer/mod.ts";
import {
  CWD,
  listXattrFd,
  type Mount,
  openDirectoryAt,
  ownFd,
  removeXattrFd,
  splitOverlayPaths,
} from "../../lib/linux/mod.ts";
import { emptyTree, type Tree } from "../../lib/tree/mod.ts";
import { listing } from "../support/extraction/arena.ts";
import { needs } from "../support/machine/needs.ts";
import { forSeeds, type Prng } from "../support/prng.ts";
import {
  mountAt,
  type SnapshotFixture,
  snapshotFixture,
} from "../support/snapshots/snapshot_fixture.ts";
import { randomStack } from "../support/trees/random_stack.ts";
import { sorted, treeListing, withoutLinks } from "../support/trees/tree_listing.ts";

const CASES = 200;

for (const driver of ["erofs", "overlay"] as const) {
  Deno.test({
    name: `${driver}: ${CASES} random stacks of directories and layers equal their root trees`,
    ...needs({ root: true, mount: true, kernel: "6.6" }),
    async fn() {
      await using fixture = await snapshotFixture(driver, { inMemory: true });
      await forSeeds(CASES, async (random, seed) => {
        const { parent, root } = await mixedStack(fixture, random, seed);
        const kind = random.pick(["view", "prepare"] as const);
        const mounts = await fixture.snapshotter[kind](`${seed}`, parent);
        await using mounted = await mountAt(mounts, fixture.temp.join("mnt"));
        assertEquals(sorted(withoutLinks(listing(mounted.path))), treeListing(root, false));
      });
    },
  });
}

/** A committed snapshot whose ancestors are layers and directories, and the root tree that it shows. */
async function mixedStack(
  fixture: SnapshotFixture,
  random: Prng,
  seed: number,
): Promise<{ readonly parent: string | null; readonly root: Tree }> {
  const { store } = fixture;
  const { diffIds } = await fixture.chain(randomStack(random));
  let parent: string | null = null;
  let root = emptyTree("root");
  const run: Tree[] = [];
  /** Several layers on a directory are one layer for what is below: see `squashLayers`. */
  const endRun = () => {
    if (run.length > 0) root = foldLayers([squashLayers(run.splice(0))], root);
  };
  for (const [i, diffId] of diffIds.entries()) {
    const tree = await store.layers.tree(diffId);
    const name: string = `${seed} ${i}`;
    if (random.chance(0.5)) {
      await commitDirectory(fixture, name, parent, diffId);
      endRun();
      root = foldLayers([tree], root);
    } else {
      putLayer(fixture, name, parent, diffId);
      // Nothing is below the lowest layers, so they are folded one by one.
      const isLowest = parent === null || root.count === 0 && run.length === 0 && i === 0;
      if (isLowest) root = foldLayers([tree], root);
      else run.push(tree);
    }
    parent = name;
  }
  endRun();
  return { parent, root };
}

/** Commits a snapshot of a layer. */
function putLayer(
  { store }: SnapshotFixture,
  key: string,
  parent: string | null,
  diffId: DiffId,
): void {
  store.snapshots.transact((table) =>
    table.put({
      key,
      kind: "committed",
      parent,
      cacheId: null,
      diffId,
      labels: {},
      createdAt: 0,
      updatedAt: 0,
      usage: null,
    })
  );
}

/** Commits the directory that another program makes of a layer: it writes to the upper directory, and mounts nothing. */
async function commitDirectory(
  { snapshotter, store }: SnapshotFixture,
  name: string,
  parent: string | null,
  diffId: DiffId,
): Promise<void> {
  const [mount] = await snapshotter.prepare(`${name} upper`, parent);
  const { upper, lowers } = pathsOf(mount as Mount);
  const tree = layersAbove([await store.layers.tree(diffId)], lowers, () => {});
  using target = ownFd(openDirectoryAt(CWD, upper));
  // The root has the attributes of the root below. The layer gives all of them anew.
  for (const name of listXattrFd(target.fd)) removeXattrFd(target.fd, name);
  extractTree({
    tree,
    target: target.fd,
    contents: new Map([[diffId, fromText(store.directories.layerTar(diffId))]]),
    policy: { whiteouts: "overlay", owners: "keep", devices: "keep" },
    phase: "all",
  });
  await snapshotter.commit(name, `${name} upper`);
}

/** Paths of the upper directory and the lowers of an overlay. */
function pathsOf(
  { options }: Mount,
): { readonly upper: ByteString; readonly lowers: readonly ByteString[] } {
  const valuesOf = (key: string) =>
    options.filter((option) => option.startsWith(key))
      .map((option) => option.slice(key.length) as ByteString);
  const [upper] = valuesOf("upperdir=");
  const lowers = valuesOf("lowerdir=").flatMap((value) => splitOverlayPaths(value));
  return { upper: upper as ByteString, lowers: [...lowers, ...valuesOf("lowerdir+=")] };
}
