/** The commands that the tests of kills and failing calls disturb. */
import { BOX, boxImage } from "../images/busybox_image.ts";
import { archiveTar, buildImage, type BuiltImage, dockerFiles } from "../images/images.ts";
import { tarOf } from "../tar/tar_fixture.ts";
import { writeOldStore } from "../old_stores/old_store.ts";
import { flip } from "../upkeep/sick_store.ts";
import type { Scenario, Scene, Step } from "./scenario.ts";
import { pathsBelow } from "./store_facts.ts";

/** Name of the small image. */
export const SMALL = "example.org/small:1";

/** An image of two layers and five entries: few calls, but a compressed and an uncompressed layer. */
export function smallImage(): BuiltImage {
  return buildImage({
    name: SMALL,
    packing: ["gzip", "none"],
    layers: [
      [{ name: "etc/" }, { name: "etc/a", content: "a" }],
      [{ name: "etc/b", content: "b" }, { name: "etc/.wh.a" }, { name: "etc/l", target: "b" }],
    ],
  });
}

async function sources({ path }: Scene): Promise<void> {
  await Deno.mkdir(`${path}/in/root/etc`, { recursive: true });
  await Deno.mkdir(`${path}/out`);
  await Deno.mkdir(`${path}/mnt`);
  await Deno.writeFile(`${path}/in/small.tar`, archiveTar(dockerFiles([smallImage()])));
  await Deno.writeTextFile(`${path}/in/root/etc/c`, "c");
  await Deno.writeFile(`${path}/in/layer.tar`, tarOf([{ name: "etc/d", content: "d" }]));
}

async function box({ path }: Scene): Promise<void> {
  await Deno.writeFile(`${path}/in/box.tar`, archiveTar(dockerFiles([await boxImage()])));
}

async function change({ path }: Scene): Promise<void> {
  await Deno.writeTextFile(`${path}/mnt/etc/b`, "changed");
  await Deno.mkdir(`${path}/mnt/new`);
}

/** Flips a byte of each file below a directory of the store that has this name. */
function damage(directory: string, name: string): Step {
  return async ({ root }) => {
    const below = (await pathsBelow(`${root}/${directory}`)).filter((path) =>
      path.endsWith(`/${name}`)
    );
    if (below.length === 0) throw new Error(`Cannot damage ${directory}/**/${name}: there is none`);
    for (const path of below) await flip(path);
  };
}

/** Flips a byte of the blob of the layer that is compressed. */
async function damageBlob({ root }: Scene): Promise<void> {
  const digest = smallImage().layers[0]!.descriptor.digest;
  await flip(`${root}/content/blobs/${digest.replace(":", "/")}`);
}

/** Makes a store with the small image. */
export const LOADED: readonly Step[] = [sources, ["load", "SCENE/in/small.tar"]];
const MOUNT_RW = ["mount", SMALL, "SCENE/mnt", "--rw", "key"];
const CHANGED: readonly Step[] = [...LOADED, MOUNT_RW, change, ["umount", "SCENE/mnt"]];
const BOXED: readonly Step[] = [sources, box, ["load", "SCENE/in/box.tar"]];
/** A directory that the snapshot has, with a new file. */
const COPY_INTO = ["cp", "SCENE/in/root/.", "key:/"];
const GC: readonly Step[] = [["gc"]];
const BIN_TRUE = [BOX, "/bin/true"];
const RUN = ["run", "--name", "box", "--runtime", "chroot", ...BIN_TRUE];
const SAVED = ["save", SMALL, "--oci-dir", "SCENE/out/oci"];
const IMPORT = ["import", "SCENE/in/root", "example.org/import:1"];
const TAGGED = ["tag", SMALL, "other:1"];
/** Images that the drivers compose, and layers that they extract. */
const DERIVED: readonly Step[] = [
  ...CHANGED,
  ...["erofs", "overlay"].flatMap((driver) => [
    ["--driver", driver, "mount", SMALL, "SCENE/mnt"],
    ["umount", "SCENE/mnt"],
  ]),
];
const REPAIR = ["fsck", "--deep", "--repair"];

/** Overwrites the database, so that nothing can be read of it. */
async function damageDatabase({ root }: Scene): Promise<void> {
  const { size } = await Deno.stat(`${root}/meta.db`);
  await Deno.writeFile(`${root}/meta.db`, new Uint8Array(size).fill(7));
}

/** All of them, in the order in which a user meets them. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "load", base: [sources], command: ["load", "SCENE/in/small.tar"] },
  { name: "pull", base: [sources], command: ["pull", "REGISTRY/app:1"] },
  { name: "import", base: LOADED, command: IMPORT },
  { name: "append", base: LOADED, command: ["append", SMALL, "SCENE/in/layer.tar", "more:1"] },
  { name: "tag", base: LOADED, command: TAGGED },
  {
    name: "index add",
    base: [...LOADED, IMPORT, ["index", "create", "both:1", SMALL]],
    command: ["index", "add", "both:1", "example.org/import:1"],
  },
  { name: "save -o", base: LOADED, command: ["save", SMALL, "-o", "SCENE/out/image.tar"] },
  { name: "save --oci-dir", base: LOADED, command: SAVED },
  {
    name: "copy oci",
    base: [...LOADED, SAVED, ["append", SMALL, "SCENE/in/layer.tar", "more:1"]],
    command: ["copy", "store:more:1", "oci:SCENE/out/oci"],
  },
  {
    name: "copy store",
    base: [...LOADED, SAVED],
    command: ["copy", "oci:SCENE/out/oci", "store:example.org/copied:1"],
  },
  {
    name: "copy oci-archive",
    base: [...LOADED, SAVED],
    command: ["copy", "oci:SCENE/out/oci", "oci-archive:SCENE/out/copied.tar"],
  },
  {
    name: "save --oci-dir again",
    base: [
      ...LOADED,
      ["append", SMALL, "SCENE/in/layer.tar", "more:1"],
      ["save", "more:1", "--oci-dir", "SCENE/out/oci"],
    ],
    command: ["save", SMALL, "--oci-dir", "SCENE/out/oci"],
  },
  { name: "mutate", base: LOADED, command: ["mutate", SMALL, "mutated:1", "--user", "7"] },
  { name: "cp into", base: CHANGED, command: COPY_INTO, mounts: true, isOverlay: true },
  { name: "cp into mounted", base: CHANGED, before: [MOUNT_RW], command: COPY_INTO, mounts: true },
  {
    name: "unpack",
    base: LOADED,
    command: ["unpack", SMALL, "SCENE/out/root"],
    done: 5,
    mounts: true,
  },
  { name: "mount", base: LOADED, command: ["mount", SMALL, "SCENE/mnt"], done: 6, mounts: true },
  { name: "mount --rw", base: LOADED, command: MOUNT_RW, done: 6, mounts: true },
  {
    name: "umount",
    base: LOADED,
    before: [["mount", SMALL, "SCENE/mnt"]],
    command: ["umount", "SCENE/mnt"],
    done: 4,
    mounts: true,
  },
  {
    name: "umount --rw",
    base: CHANGED,
    before: [MOUNT_RW],
    command: ["umount", "SCENE/mnt"],
    done: 4,
    mounts: true,
  },
  { name: "commit", base: CHANGED, command: ["commit", "key", "example.org/new:1"], mounts: true },
  {
    name: "snapshot commit",
    base: CHANGED,
    command: ["snapshot", "commit", "kept", "key"],
    done: 5,
    settle: GC,
    mounts: true,
  },
  {
    name: "snapshot prepare",
    base: LOADED,
    command: ["snapshot", "prepare", "new", SMALL],
    done: 5,
    settle: GC,
    mounts: true,
  },
  {
    name: "snapshot rm",
    base: CHANGED,
    command: ["snapshot", "rm", "key"],
    done: 4,
    settle: GC,
    mounts: true,
  },
  { name: "rmi", base: LOADED, command: ["rmi", SMALL], done: 4, settle: GC },
  {
    name: "gc",
    base: [...CHANGED, ["rmi", "--no-gc", SMALL], ["snapshot", "rm", "--no-gc", "key"]],
    command: ["gc"],
    mounts: true,
  },
  {
    name: "gc --drop-compressed",
    base: LOADED,
    command: ["gc", "--drop-compressed"],
  },
  {
    name: "prune images",
    base: [...LOADED, TAGGED],
    command: ["prune", "images", "--all", "--force"],
  },
  {
    name: "prune caches",
    base: DERIVED,
    command: ["prune", "caches", "--force"],
    mounts: true,
  },
  {
    name: "prune containers",
    base: [...BOXED, RUN],
    command: ["prune", "containers", "--force"],
    mounts: true,
    tools: ["busybox"],
  },
  {
    name: "prune all",
    base: [...BOXED, RUN],
    command: ["prune", "all", "--all", "--force"],
    mounts: true,
    tools: ["busybox"],
  },
  {
    name: "fsck --repair blob",
    base: [...LOADED, damageBlob],
    command: [...REPAIR, "--from", "SCENE/in/small.tar"],
    store: "damaged",
  },
  {
    name: "fsck --repair tar",
    base: [...LOADED, damage("layers", "layer.tar")],
    command: [...REPAIR, "--from", "SCENE/in/small.tar"],
    store: "damaged",
  },
  {
    name: "fsck --repair tree",
    base: [...LOADED, damage("layers", "tree")],
    command: REPAIR,
    store: "damaged",
  },
  {
    name: "fsck --repair derived",
    base: [...DERIVED, damage("chains", "image"), damage("layers", "b")],
    command: REPAIR,
    store: "damaged",
    mounts: true,
  },
  {
    name: "fsck --rebuild",
    base: [...CHANGED, damageDatabase],
    command: ["fsck", "--rebuild"],
    store: "damaged",
    mounts: true,
  },
  {
    name: "migration",
    base: [({ root }) => writeOldStore(root, 1)],
    command: ["images"],
    store: "old",
  },
  {
    name: "backup",
    base: CHANGED,
    command: ["backup", "SCENE/out/backup"],
    done: 5,
    mounts: true,
  },
  {
    name: "run",
    base: BOXED,
    command: RUN,
    mounts: true,
    tools: ["busybox"],
  },
  {
    name: "start",
    base: [...BOXED, RUN],
    command: ["start", "box"],
    mounts: true,
    isOverlay: true,
    tools: ["busybox"],
  },
  {
    name: "run --rm",
    base: BOXED,
    settle: GC,
    command: ["run", "--rm", "--name", "box", "--runtime", "chroot", ...BIN_TRUE],
    mounts: true,
    tools: ["busybox"],
  },
  {
    name: "run runc",
    base: BOXED,
    settle: GC,
    command: ["run", "--rm", "--name", "box", "--runtime", "runc", ...BIN_TRUE],
    mounts: true,
    tools: ["busybox", "runc"],
  },
];

/** The scenario of this name. @throws {Error} where there is none */
export function scenarioOf(name: string): Scenario {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (scenario === undefined) throw new Error(`Cannot find the scenario ${name}`);
  return scenario;
}
