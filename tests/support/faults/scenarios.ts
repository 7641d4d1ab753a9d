/** The commands that the tests of kills and failing calls disturb. */
import { BOX, boxImage } from "../images/busybox_image.ts";
import { archiveTar, buildImage, type BuiltImage, dockerFiles } from "../images/images.ts";
import { tarOf } from "../tar/tar_fixture.ts";
import type { Scenario, Scene, Step } from "./scenario.ts";

/** Name of the small image. */
const SMALL = "example.org/small:1";

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

const LOADED: readonly Step[] = [sources, ["load", "SCENE/in/small.tar"]];
const MOUNT_RW = ["mount", SMALL, "SCENE/mnt", "--rw", "key"];
const CHANGED: readonly Step[] = [...LOADED, MOUNT_RW, change, ["umount", "SCENE/mnt"]];
const BOXED: readonly Step[] = [sources, box, ["load", "SCENE/in/box.tar"]];
const GC: readonly Step[] = [["gc"]];
const BIN_TRUE = [BOX, "/bin/true"];

/** All of them, in the order in which a user meets them. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "load", base: [sources], command: ["load", "SCENE/in/small.tar"] },
  { name: "pull", base: [sources], command: ["pull", "REGISTRY/app:1"] },
  { name: "import", base: LOADED, command: ["import", "SCENE/in/root", "example.org/import:1"] },
  { name: "append", base: LOADED, command: ["append", SMALL, "SCENE/in/layer.tar", "more:1"] },
  { name: "tag", base: LOADED, command: ["tag", SMALL, "other:1"] },
  { name: "save -o", base: LOADED, command: ["save", SMALL, "-o", "SCENE/out/image.tar"] },
  { name: "save --oci-dir", base: LOADED, command: ["save", SMALL, "--oci-dir", "SCENE/out/oci"] },
  { name: "unpack", base: LOADED, command: ["unpack", SMALL, "SCENE/out/root"], mounts: true },
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
    mounts: true,
  },
  {
    name: "snapshot prepare",
    base: LOADED,
    command: ["snapshot", "prepare", "new", SMALL],
    done: 5,
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
    name: "run",
    base: BOXED,
    command: ["run", "--name", "box", "--runtime", "chroot", ...BIN_TRUE],
    mounts: true,
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
