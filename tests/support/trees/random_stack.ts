/** Random stacks of layers over a small alphabet of names, the same for the same seed. */
import type { Prng } from "../prng.ts";
import type { TarFixture } from "../tar/tar_fixture.ts";
import { stackOf, validTar } from "./valid_layers.ts";

const NAMES = ["a", "b", "c"];
const MODES = [0o755, 0o700, 0o1777, 0o2750, 0o711, 0o4755];

/** Tars of valid layers, the lowest first, as `stackOf`. */
export function randomStack(random: Prng): Uint8Array<ArrayBuffer>[] {
  return stackOf(random, () => randomLayer(random));
}

/** The tar of a random layer. */
export function randomLayer(random: Prng): Uint8Array<ArrayBuffer> {
  return validTar(() => Array.from({ length: random.int(0, 9) }, () => randomEntry(random)));
}

function randomEntry(random: Prng): TarFixture {
  const name = randomPath(random);
  const directory = name.slice(0, name.lastIndexOf("/") + 1);
  const common = {
    name,
    mode: random.pick(MODES),
    uid: random.pick([0, 1, 65534, 4_000_000]),
    gid: random.pick([0, 2]),
    mtime: random.pick([0, 1_600_000_000, "1700000000.123456789", "12.5"]),
    ...(random.chance(0.15) ? { xattrs: { "trusted.x": "dropped", "user.colour": "blue" } } : {}),
  };
  switch (random.int(0, 12)) {
    case 0:
    case 1:
    case 2:
      return { ...common, type: "dir" };
    case 3:
      return { ...common, name: "./", type: "dir" };
    case 4:
      return { ...common, type: "symlink", target: randomTarget(random) };
    case 5:
      return { ...common, type: "hardlink", target: randomPath(random) };
    case 6:
      return { name: `${directory}.wh..wh..opq` };
    case 7:
    case 8:
      return { name: `${directory}.wh.${random.pick(NAMES)}` };
    case 9:
      return random.chance(0.5)
        ? { ...common, type: "fifo" }
        : { ...common, type: "char", major: 1, minor: 3 };
    default:
      return { ...common, content: random.bytes(random.pick([0, 1, 600, 5000])) };
  }
}

function randomPath(random: Prng): string {
  return Array.from({ length: random.int(1, 5) }, () => random.pick(NAMES)).join("/");
}

function randomTarget(random: Prng): string {
  const target = randomPath(random);
  return random.pick(["", "/", "../", "./"]) + target;
}
