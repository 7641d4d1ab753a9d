/** Random images for the explorer: few names and contents, so that layers meet often. */
import type { Tree } from "../../../lib/tree/mod.ts";
import { layerOf } from "../extraction/arena.ts";
import type { Prng } from "../prng.ts";
import type { TarFixture } from "../tar/tar_fixture.ts";
import { stackOf, validTar } from "../trees/valid_layers.ts";

const NAMES = ["a", "b", "c", "d"];
const CONTENTS = ["", "x", "yy", "z".repeat(700), "long".repeat(500)];

/** Tars of valid layers, lowest first, as `stackOf`. */
export function randomLayers(random: Prng): Uint8Array<ArrayBuffer>[] {
  return stackOf(random, () => randomTar(random));
}

/** The layer trees of tars. */
export function treesOf(tars: readonly Uint8Array<ArrayBuffer>[]): Tree[] {
  return tars.map((tar) => layerOf(tar).tree);
}

function randomTar(random: Prng): Uint8Array<ArrayBuffer> {
  return validTar(() => {
    const files: string[] = [];
    return Array.from({ length: random.int(1, 14) }, () => randomEntry(random, files));
  });
}

function randomEntry(random: Prng, files: string[]): TarFixture {
  const name = Array.from({ length: random.int(1, 4) }, () => random.pick(NAMES)).join("/");
  const directory = name.slice(0, name.lastIndexOf("/") + 1);
  const common = {
    name,
    mode: random.pick([0o755, 0o644, 0o4755, 0o777]),
    uid: random.int(0, 2),
    mtime: random.int(0, 2),
  };
  switch (random.int(0, 12)) {
    case 0:
    case 1:
      return { ...common, type: "dir" };
    case 2:
      // Nothing lies below this name: an implied directory over a link takes attributes from where the link leads.
      return { ...common, name: `${directory}link`, type: "symlink", target: random.pick(NAMES) };
    case 3:
      if (files.length > 0) return { ...common, type: "hardlink", target: random.pick(files) };
      return { ...common, type: "fifo" };
    case 4:
      return { name: `${directory}.wh..wh..opq` };
    case 5:
    case 6:
      return { name: `${directory}.wh.${random.pick([...NAMES, "link"])}` };
    case 7:
      return { ...common, type: "char", major: 1, minor: random.int(3, 5) };
    default:
      files.push(name);
      return { ...common, content: random.pick(CONTENTS) };
  }
}
