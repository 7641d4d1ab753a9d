/** Commits snapshots as a user without privileges, and prints what is in the layers. Run by `runAsNobody`. */
import { loadImages, saveToFile } from "../../../lib/archive/mod.ts";
import { toText } from "../../../lib/bytes/mod.ts";
import { commitSnapshot, snapshotTrees } from "../../../lib/commit/mod.ts";
import { unpackImage } from "../../../lib/mount/mod.ts";
import { defaultPlatform } from "../../../lib/oci/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { createSnapshotter, imageLabels, selectDriver } from "../../../lib/snapshot/mod.ts";
import { findImage, openMemoryStore, openStore, readImage } from "../../../lib/store/mod.ts";
import { type Tree, walk } from "../../../lib/tree/mod.ts";
import { CAPABILITY } from "../images/sample_image.ts";
import { bringImage } from "./snapshot_fixture.ts";

const home = Deno.cwd();
await using store = await openStore({ root: `${home}/store` });
await using pool = createPool({ inline: true });
const image = await bringImage(store, pool, "example.org/a:1", [[
  { name: "./", uid: 1, mode: 0o755 },
  { name: "d/", uid: 3, gid: 4, mode: 0o750 },
  { name: "d/f", uid: 5, gid: 6, mode: 0o4755, content: "content" },
  { name: "d/twin", type: "hardlink", target: "d/f", uid: 5, gid: 6, mode: 0o4755 },
  { name: "d/edit", uid: 7, content: "before" },
  { name: "cap", content: "x", xattrs: { "security.capability": CAPABILITY } },
  { name: "closed", uid: 8, mode: 0o000, content: "secret" },
  { name: "null", type: "char", major: 1, minor: 3 },
  { name: "link", type: "symlink", target: "d/f", uid: 9 },
  { name: "gone", uid: 2 },
  { name: "own", uid: 2 },
]]);
const driver = selectDriver(store, { pool, wanted: "native" });
const snapshotter = createSnapshotter(store, { driver });
const parent = snapshotter.ensureChain(image.chainId as NonNullable<typeof image.chainId>);

const labels = imageLabels(image);
const platform = defaultPlatform("linux", "amd64");
const commit = (key: string, name: string) =>
  commitSnapshot(store, key, { pool, name, platform, now: 0 });

await snapshotter.prepare("same", parent, { labels });
const same = await commit("same", "example.org/same:1");

const [mount] = await snapshotter.prepare("work", parent, { labels });
const root = toText(mount?.source as NonNullable<typeof mount>["source"]);
await change(root, "after");
const { before, after } = await snapshotTrees(store, "work", { pool });
const changed = await commit("work", "example.org/changed:1");

// A snapshot on a snapshot: the copy lacks what its parent lacks. Nobody can copy what nobody can read.
const [lower] = await snapshotter.prepare("lower", parent, { labels });
await Deno.remove(`${toText(lower?.source as NonNullable<typeof lower>["source"])}/closed`);
const below = await commit("lower", "example.org/lower:1");
await snapshotter.commit("parent", "lower");
await snapshotter.prepare("child", "parent", { labels });
const child = await commit("child", "example.org/child:1");

const tar = `${home}/saved.tar`;
const saved = await readImage(store, await findImage(store, "example.org/changed:1"));
await saveToFile(store, ["example.org/changed:1"], tar);
await using other = openMemoryStore();
const [loaded] = await loadImages(other, tar, { pool });
const { dropped } = await unpackImage(store, saved, `${home}/out`, { pool });

await print(JSON.stringify({
  same: same.layers.length,
  changed: nodesOf(await store.layers.tree(changed.layers[0]?.diffId as never)),
  child: child.chainId === below.chainId,
  before: nodesOf(before),
  after: nodesOf(after),
  saved: loaded?.chainId === changed.chainId,
  dropped,
}));

async function change(root: string, text: string): Promise<void> {
  await Deno.writeTextFile(`${root}/d/edit`, text);
  await Deno.writeTextFile(`${root}/new`, "new");
  await Deno.remove(`${root}/gone`);
  await Deno.remove(`${root}/own`);
  await Deno.mkdir(`${root}/own`);
}

function nodesOf(tree: Tree): string[] {
  return Array.from(
    walk(tree),
    ({ path, node }) =>
      node.type === "whiteout"
        ? `${path} whiteout`
        : `${path} ${node.type} ${node.uid}:${node.gid}${
          node.xattrs.map(({ name }) => ` ${name}`)
        }`,
  );
}

async function print(line: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}
