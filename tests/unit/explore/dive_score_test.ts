import { assertEquals } from "@std/assert";
import { explore } from "../../support/explore/explore.ts";
import { layerOf } from "../../support/extraction/arena.ts";
import type { TarFixture } from "../../support/tar/tar_fixture.ts";

/** A file of some bytes. */
function file(name: string, size: number, more: Partial<TarFixture> = {}): TarFixture {
  return { name, content: "x".repeat(size), ...more };
}

/** Layers, then what dive's source says of them: score, wasted bytes, bytes of users, inefficient paths. */
type Fixture = readonly [
  name: string,
  layers: readonly (readonly TarFixture[])[],
  score: number,
  wastedBytes: number,
  userBytes: number,
  inefficient: readonly string[],
];

const D: TarFixture = { name: "d/", type: "dir" };

const FIXTURES: readonly Fixture[] = [
  ["no layer", [], 1, 0, 0, []],
  ["one layer", [[file("a", 10), file("d/b", 5)]], 1, 0, 0, []],
  ["a file again", [[file("a", 10)], [file("a", 10)]], 10 / 20, 20, 10, ["a 2 20"]],
  ["a file that grows", [[file("a", 10)], [file("a", 30)]], 10 / 40, 40, 30, ["a 2 40"]],
  ["a deleted file", [[file("a", 10)], [file(".wh.a", 0)]], 0, 10, 0, ["a 2 10"]],
  // The directory itself is no leaf below, so only the whiteout counts, with everything that it deletes.
  ["a deleted directory", [[D, file("d/a", 10), file("d/b", 5)], [file(".wh.d", 0)]], 1, 0, 0, []],
  // A directory without an entry has no type, so its whiteout has no size.
  ["a deleted implied directory", [[file("d/a", 10)], [file(".wh.d", 0)]], 1, 0, 0, []],
  [
    "an opaque directory deletes nothing",
    [[D, file("d/a", 10), file("d/b", 5)], [D, file("d/.wh..wh..opq", 0), file("d/a", 4)]],
    9 / 19,
    14,
    4,
    ["d/a 2 14"],
  ],
  ["an empty directory again", [[D, file("a", 1)], [D]], 1, 0, 0, ["d 2 0"]],
  [
    "a hard link has no size",
    [
      [file("a", 10), { name: "b", type: "hardlink", target: "a" }],
      [file("a", 10, { mode: 0o600 }), { name: "b", type: "hardlink", target: "a" }],
    ],
    10 / 20,
    20,
    10,
    ["a 2 20", "b 2 0"],
  ],
  [
    "a file that is deleted and comes back",
    [[file("a", 10)], [file(".wh.a", 0)], [file("a", 20)]],
    0,
    30,
    20,
    ["a 3 30"],
  ],
  ["a whiteout of nothing", [[file("a", 10)], [file(".wh.b", 0)]], 1, 0, 0, []],
];

for (const [name, layers, score, wastedBytes, userBytes, inefficient] of FIXTURES) {
  Deno.test(`dive's score: ${name}`, () => {
    const { dive } = explore(layers.map((entries) => layerOf(entries)));
    assertEquals(dive.score, score);
    assertEquals([dive.wastedBytes, dive.userBytes], [wastedBytes, userBytes]);
    assertEquals(dive.wastedUserPercent, wastedBytes / userBytes);
    const paths = dive.inefficient.map(({ path, count, bytes }) => `${path} ${count} ${bytes}`);
    assertEquals(paths, inefficient);
  });
}
