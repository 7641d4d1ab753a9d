/** Generated layers: the tree against what containerd's applier leaves on overlay. */
import { assert, assertEquals } from "@std/assert";
import { TarReader } from "../../lib/codec/tar/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { type BuiltLayer, LayerBuilder } from "../../lib/layer/mod.ts";
import { type Tree, walk } from "../../lib/tree/mod.ts";
import { TEST_DIFF_ID } from "../support/images/entries.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { run, runAny } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { startContainerd } from "../support/peers/containerd.ts";
import { type Prng, prng } from "../support/prng.ts";
import { type TarFixture, tarOf } from "../support/tar/tar_fixture.ts";

const LAYERS = 60;

/**
 * Where containerd gives up and varve does not: it sets times of directories at the end, by paths that
 * may be something else then, and its verdict on whiteouts depends on their order.
 */
const ALLOWED = /not a directory|file exists|no such file or directory|too many levels of symbolic/;

const LINK: TarFixture = { name: "c", type: "symlink", target: "etc", mtime: 1 };
const ETC: TarFixture = { name: "etc/", type: "dir", mtime: 1 };

/** Layers whose whiteouts stand in what is a link before or after them. */
const CHOSEN: readonly (readonly TarFixture[])[] = [
  [ETC, { name: "c/.wh.a" }, LINK],
  [ETC, { name: "c/.wh..wh..opq" }, LINK],
  [ETC, { name: "c/.wh.etc" }, { ...LINK, target: "." }],
  [{ name: "c/.wh.a" }, { ...LINK, target: "c" }],
  [{ name: "c/.wh.a" }, { ...LINK, target: "n".repeat(700) }],
  [ETC, LINK, { name: "c/.wh.a" }],
  [ETC, LINK, { name: "c/.wh.a" }, { name: "c/", type: "dir", mtime: 1 }],
  [ETC, LINK, { name: "c/.wh..wh..opq" }],
];

function path(random: Prng): string {
  return Array.from({ length: random.int(1, 4) }, () => random.pick(["a", "b", "c", "d"])).join(
    "/",
  );
}

function fixture(random: Prng): TarFixture {
  const name = path(random);
  const common = {
    mode: random.pick([0o644, 0o755, 0o4711]),
    uid: random.int(0, 3),
    mtime: random.int(1, 9),
  };
  const kind = random.int(0, 20);
  if (kind < 7) return { ...common, name };
  if (kind < 11) return { ...common, name, type: "dir" };
  if (kind < 14) {
    const target = random.pick(["", "/", "../"]) + path(random);
    return { ...common, name, type: "symlink", target };
  }
  if (kind < 16) return { ...common, name, type: "hardlink", target: path(random) };
  if (kind < 18) return { ...common, name: `${name}/../.wh.${random.pick(["a", "b", "c", "d"])}` };
  if (kind < 19) return { ...common, name: `${name}/.wh..wh..opq` };
  return { ...common, name, type: random.pick(["fifo", "char"]), major: 0, minor: 0 };
}

/** The layer, or the code it was refused with. */
function layerOf(tar: Uint8Array): BuiltLayer | string {
  try {
    const builder = new LayerBuilder();
    const reader = new TarReader({
      entry: (entry) => void builder.entry(entry),
      data: () => {},
      hole: () => {},
      endEntry: () => {},
    });
    reader.push(tar);
    reader.end();
    return builder.finish(TEST_DIFF_ID);
  } catch (error) {
    if (error instanceof VarveError) return error.code;
    throw error;
  }
}

/**
 * Path and what it is; hard links carry the least path of their group. Times of implied directories
 * are now. Without times where a path came twice: containerd gives the time of a directory's entry, at
 * the end, to whatever has its path then.
 */
function linesOfTree(tree: Tree, times: boolean): string[] {
  const lines: string[] = [];
  for (const { path, node } of walk(tree)) {
    if (node.type === "whiteout") {
      lines.push(`${path} whiteout`);
      continue;
    }
    const what = `${node.mode.toString(8)} ${node.uid}`;
    if (node.type === "directory") {
      const time = !times ? "" : node.implied ? "now" : node.mtime.lo;
      lines.push(`${path} directory${node.opaque ? " opaque" : ""} ${what} ${time}`);
    } else {
      const target = node.type === "symlink" ? node.target : "";
      const time = times ? node.mtime.lo : "";
      lines.push(`${path} ${node.type} ${what} ${time} ${target} ${node.group ?? ""}`);
    }
  }
  return lines.sort();
}

const TYPES: Readonly<Record<string, string>> = { f: "file", l: "symlink", p: "fifo" };

async function linesOfDirectory(directory: string, times: boolean): Promise<string[]> {
  const format = "%P\\t%y\\t%m\\t%U\\t%T@\\t%i\\t%l\\n";
  const { stdout } = await run(["find", directory, "-mindepth", "1", "-printf", format]);
  const opaque = new Set(
    (await run([
      "getfattr",
      "-R",
      "-h",
      "--absolute-names",
      "-m",
      "^trusted.overlay.opaque$",
      directory,
    ]))
      .stdout.split("\n").filter((line) => line.startsWith("# file: ")).map((line) =>
        line.slice(`# file: ${directory}/`.length)
      ),
  );
  const rows = stdout.split("\n").filter((row) => row !== "").map((row) => row.split("\t"));
  const groups = new Map<string, string[]>();
  for (const [path, type, , , , inode] of rows as string[][]) {
    if (type === "d" || type === "c") continue;
    groups.set(inode as string, [...(groups.get(inode as string) ?? []), path as string].sort());
  }
  return (rows as [string, string, string, string, string, string, string][]).map(
    ([path, type, mode, uid, time, inode, target]) => {
      // Where nothing is left to hide, containerd writes whiteouts all the same.
      const cut = path.split("/").some((_, i, parts) => opaque.has(parts.slice(0, i).join("/")));
      if (type === "c") return cut ? "" : `${path} whiteout`;
      const seconds = Math.floor(Number(time));
      const what = `${mode} ${uid} ${!times ? "" : seconds > 1000 ? "now" : seconds}`;
      if (type === "d") return `${path} directory${opaque.has(path) ? " opaque" : ""} ${what}`;
      const group = groups.get(inode) ?? [];
      return `${path} ${TYPES[type]} ${what} ${target} ${group.length > 1 ? group[0] : ""}`;
    },
  ).filter((line) => line !== "").sort();
}

Deno.test({
  name: "layer trees equal what containerd extracts on overlay, unless containerd fails",
  ...needs({ root: true, mount: true, tools: ["containerd", "ctr", "find", "getfattr"] }),
  fn: async () => {
    await using temp = await tempDir();
    await using containerd = await startContainerd(temp.path);
    const { ctr } = containerd;
    let equal = 0;
    let refused = 0;
    for (let seed = 1 - CHOSEN.length; seed <= LAYERS; seed++) {
      const random = prng(seed);
      const fixtures = CHOSEN[-seed] ??
        Array.from({ length: random.int(1, 11) }, () => fixture(random));
      const tar = tarOf(fixtures);
      const layer = layerOf(tar);
      // A layer below makes it an overlay mount, on which whiteouts are recorded.
      const layers = [tarOf([{ name: "below" }]), tar];
      const image = buildImage({ name: `example.org/t:${seed}`, layers, packing: "none" });
      await Deno.writeFile(temp.join("i.tar"), archiveTar(ociFiles([image])));
      const imported = await runAny([...ctr, "image", "import", temp.join("i.tar")]);
      const said = `seed ${seed}: ${JSON.stringify(fixtures)}\n${imported.stderr}`;
      if (imported.code !== 0) {
        assert(seed > 0, said);
        if (typeof layer !== "string") assert(ALLOWED.test(imported.stderr), said);
        refused++;
        continue;
      }
      assert(typeof layer !== "string", `varve says ${String(layer)}: ${said}`);
      // The view itself may be collected at once; its lower directory is the image's.
      const view = ["snapshot", "view", "--mounts", `view-${seed}`, image.chainId];
      const { stdout } = await run([...ctr, ...view]);
      const upper = /lowerdir=([^:, "]+)/.exec(stdout)?.[1];
      assert(upper !== undefined, stdout);
      const times = !layer.warnings.some(({ code }) => code === "W_DUPLICATE");
      assertEquals(linesOfTree(layer.tree, times), await linesOfDirectory(upper, times), said);
      equal++;
    }
    assert(equal > LAYERS / 5 && refused > LAYERS / 10, `${equal} equal, ${refused} refused`);
  },
});
