import { assertEquals } from "@std/assert";
import { toHex } from "../../../lib/bytes/mod.ts";
import { sha256 } from "../../../lib/digest/mod.ts";
import { reportJson } from "../../../lib/explore/mod.ts";
import { explore as exploreAll } from "../../support/explore/explore.ts";
import { layerOf } from "../../support/extraction/arena.ts";
import type { TarFixture } from "../../support/tar/tar_fixture.ts";

function explore(...layers: readonly (readonly TarFixture[])[]) {
  return exploreAll(layers.map((entries) => layerOf(entries)));
}

/** Layer, kind and bytes of each change of each path. */
function changesOf(report: ReturnType<typeof explore>): Record<string, string> {
  return Object.fromEntries(Array.from(report.paths, ({ path, changes }) => [
    path,
    changes.map(({ layer, kind, bytes }) => `${layer} ${kind} ${bytes}`).join(", "),
  ]));
}

Deno.test("explore: each kind of change, and each cause of waste", () => {
  const report = explore(
    [
      { name: "old", content: "gone" },
      { name: "text", content: "one" },
      { name: "mode", content: "same", mode: 0o644 },
      { name: "again", content: "again", mtime: 1 },
      { name: "d/x", content: "xx" },
    ],
    [
      { name: ".wh.old" },
      { name: "text", content: "three" },
      { name: "mode", content: "same", mode: 0o600 },
      { name: "again", content: "again", mtime: 1 },
      { name: "d/.wh..wh..opq" },
      { name: "d/y", content: "yyy" },
    ],
  );
  assertEquals(changesOf(report), {
    again: "0 added 5, 1 same 5",
    d: "0 added 0",
    "d/x": "0 added 2, 1 deleted 2",
    "d/y": "1 added 3",
    mode: "0 added 4, 1 attributes 4",
    old: "0 added 4, 1 deleted 4",
    text: "0 added 3, 1 content 5",
  });
  assertEquals(report.waste, {
    deleted: { count: 2, bytes: 6 },
    overwritten: { count: 1, bytes: 3 },
    copied: { count: 2, bytes: 9 },
  });
  assertEquals([report.layerBytes, report.image], [35, { count: 5, bytes: 17 }]);
  assertEquals(report.efficiency, 1 - 18 / 35);
  assertEquals(report.wastedFiles.map(({ path }) => path as string), [
    "again",
    "mode",
    "old",
    "text",
    "d/x",
  ]);
});

Deno.test("explore: an inode is waste only when all of its names are hidden", () => {
  const links: TarFixture[] = [
    { name: "a", content: "12345" },
    { name: "b", type: "hardlink", target: "a" },
  ];
  const one = explore(links, [{ name: ".wh.a" }]);
  assertEquals([one.layerBytes, one.image.bytes, one.waste.deleted], [5, 5, {
    count: 0,
    bytes: 0,
  }]);
  const both = explore(links, [{ name: ".wh.a" }], [{ name: "b", content: "other" }]);
  assertEquals(both.waste.overwritten, { count: 1, bytes: 5 });
  assertEquals(both.wastedFiles[0]?.by, 2);
});

Deno.test("explore: duplicates are files of the image with equal content, hard links once", () => {
  const report = explore(
    [
      { name: "a", content: "equal" },
      { name: "link", type: "hardlink", target: "a" },
      { name: "empty" },
      { name: "none" },
    ],
    [{ name: "b", content: "equal" }],
    [{ name: "c", content: "equal" }, { name: ".wh.b" }],
  );
  assertEquals(report.duplicates, { count: 1, bytes: 5 });
  const [same] = report.duplicateFiles;
  assertEquals([same?.paths.join(), same?.size], ["a,c", 5]);
  assertEquals(
    `sha256:${toHex(same?.digest as Uint8Array)}`,
    sha256(new TextEncoder().encode("equal")),
  );
});

Deno.test("explore: an image without layers is a report, too", () => {
  const { efficiency, layers, image, dive, paths } = explore();
  assertEquals([efficiency, layers.length, image.count, [...paths].length], [1, 0, 0, 0]);
  assertEquals(dive.score, 1);
});

Deno.test("explore: JSON has no number that JSON does not know", () => {
  const { paths, ...json } = reportJson(explore([{ name: "a", content: "x" }]));
  assertEquals(JSON.parse(JSON.stringify(json)).dive.wastedUserPercent, null);
  assertEquals([...paths as Iterable<unknown>], [
    { path: "/a", winner: 0, changes: [{ layer: 0, kind: "added", type: "file", bytes: 1 }] },
  ]);
});
