import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type ByteString, timestamp } from "../../../../lib/bytes/mod.ts";
import { VarveError } from "../../../../lib/errors.ts";
import { LayerBuilder, WARNING_CODES, WarningCounter } from "../../../../lib/layer/mod.ts";
import { type FileNode, lookup } from "../../../../lib/tree/mod.ts";
import {
  build,
  dir,
  entryOf,
  file,
  hardlink,
  linesOf,
  sketch,
  symlink,
  TEST_DIFF_ID,
  xattr,
} from "../../../support/images/entries.ts";

const DIGEST = new Uint8Array(32).fill(7);

Deno.test("content is due exactly for files that are not empty and not markers", () => {
  const builder = new LayerBuilder();
  const asked = [
    entryOf("empty"),
    entryOf("dir", "directory"),
    entryOf(".wh.gone", "file", { size: 5 }),
    entryOf(".wh..wh.plnk/1", "file", { size: 5 }),
    symlink("l", "t"),
    hardlink("h", "empty"),
    entryOf("full", "file", { size: 5 }),
  ].map((entry) => builder.entry(entry));
  assertEquals(asked, [false, false, false, false, false, false, true]);
  builder.content(DIGEST);
  const { tree } = builder.finish(TEST_DIFF_ID);
  const full = lookup(tree, "full" as ByteString) as FileNode;
  assertEquals(full.digest, DIGEST);
  assertEquals(full.locator, {
    source: TEST_DIFF_ID,
    extents: [{ logical: 0, length: 5, position: 512 }],
  });
});

Deno.test("calls out of order are the caller's mistake", () => {
  const builder = new LayerBuilder();
  assertThrows(() => builder.content(DIGEST), TypeError, "no content is due");
  builder.entry(entryOf("f", "file", { size: 1 }));
  assertThrows(() => builder.entry(file("g")), TypeError, "content of the last file is due");
  assertThrows(() => builder.finish(TEST_DIFF_ID), TypeError, "content of the last file is due");
  builder.content(DIGEST);
  builder.finish(TEST_DIFF_ID);
  assertThrows(() => builder.entry(file("g")), TypeError, "it is finished");
  assertThrows(() => builder.finish(TEST_DIFF_ID), TypeError, "it is finished");
});

Deno.test("a layer without entries is an empty tree with an implied root", () => {
  const { tree, warnings } = build([]);
  assertEquals([tree.kind, tree.count, warnings.length], ["layer", 0, 0]);
  assertEquals(linesOf(tree).get(""), "directory implied 755 0:0 0.0.0 [] 0    ");
});

Deno.test("an error names the entry, escaped, and what is wrong with it", () => {
  const path = "d/\x1b[31m/../../../x" as ByteString;
  const error = assertThrows(() => build([{ ...file("x"), path }]), VarveError);
  assertEquals(error.code, "E_PATH_ESCAPE");
  assertEquals(error.details.subject, "d/\\x1b[31m/../../../x");
  assertStringIncludes(error.message, "Cannot take entry d/\\x1b[31m");
  const long = assertThrows(() => build([file("n".repeat(70_000))]), VarveError);
  assertEquals(long.message.length < 400, true);
  assertEquals(long.details.setting, "limits.layer.path");
});

Deno.test("the attributes of a hard link's entry become those of the inode, for all names", () => {
  const { tree } = build([
    entryOf("a", "file", { mode: 0o600, xattrs: [xattr("user.a", "1"), xattr("user.b", "1")] }),
    entryOf("b", "hardlink", {
      linkname: "a",
      mode: 0o4755,
      uid: 3,
      gid: 4,
      mtime: timestamp(5, 6),
      xattrs: [xattr("user.b", "2"), xattr("user.c", "2")],
    }),
    hardlink("c", "b"),
  ]);
  const lines = linesOf(tree);
  assertEquals(lines.get("a"), "file 644 0:0 0.0.0 [user.a=1,user.b=2,user.c=2] 0    a");
  assertEquals(lines.get("b"), lines.get("a"));
  assertEquals(lines.get("c"), lines.get("a"));
});

Deno.test("content survives a hard link's change of attributes", () => {
  const builder = new LayerBuilder();
  builder.entry(entryOf("a", "file", { size: 5 }));
  builder.content(DIGEST);
  builder.entry(entryOf("b", "hardlink", { linkname: "a", mode: 0o777 }));
  const { tree } = builder.finish(TEST_DIFF_ID);
  const [a, b] = ["a", "b"].map((path) => lookup(tree, path as ByteString) as FileNode);
  assertEquals(a, b);
  assertEquals([a?.mode, a?.digest, a?.locator?.extents.length], [0o777, DIGEST, 1]);
});

Deno.test("the cache of parents is emptied when a directory is replaced", () => {
  const { tree } = build([
    dir("d"),
    dir("d/e"),
    file("d/e/1"),
    symlink("d/e", "/other"),
    file("d/e/2"),
    dir("d/e"),
    file("d/e/3"),
    hardlink("h1", "d/e/3"),
    symlink("d", "/other"),
    file("d/e/4"),
  ]);
  assertEquals(sketch(tree), [
    "d -> /other",
    "h1 file",
    "other dir implied",
    "other/2 file",
    "other/e dir implied",
    "other/e/4 file",
  ]);
});

/** The paths of a layer's tree; `-` marks a whiteout, `!` an opaque directory. */
function marks(entries: Parameters<typeof build>[0]): string[] {
  return [...linesOf(build(entries).tree)].flatMap(([path, line]) => {
    const mark = line === "whiteout" ? "-" : line.includes(" opaque") ? "!" : "";
    return path === "" ? (mark === "" ? [] : [`/${mark}`]) : [`${path}${mark}`];
  }).sort();
}

Deno.test("the path of a whiteout follows links that came before it, and no later ones", () => {
  const cases: [string[], Parameters<typeof build>[0]][] = [
    // A link replaces the directory: the whiteouts in the directory are gone.
    [["c"], [file("c/.wh.a"), symlink("c", "etc")]],
    [["c"], [file("c/.wh..wh..opq"), symlink("c", "etc")]],
    [["c"], [file("c/.wh.etc"), symlink("c", ".")]],
    [["c"], [file("c/.wh.a"), symlink("c", "c")]],
    [["c"], [file("c/.wh.a"), symlink("c", "n".repeat(700))]],
    [["c", "d"], [file("c/.wh.a"), symlink("c", "etc"), file("d")]],
    // An earlier link is followed, even if a directory replaces it later.
    [["c", "etc", "etc/a-"], [symlink("c", "etc"), file("c/.wh.a")]],
    [["c", "etc", "etc/a-"], [symlink("c", "etc"), file("c/.wh.a"), dir("c")]],
    [["c", "etc!"], [symlink("c", "etc"), file("c/.wh..wh..opq")]],
    // Of two whiteouts, only the one after the link follows it, even if their paths begin with the
    // same text.
    [["c", "c/x-", "etc", "etc/y-", "l"], [
      file("c/.wh.x"),
      symlink("l", "etc"),
      file("l/.wh.y"),
    ]],
    [["c", "etc", "etc/y-"], [file("c/.wh.x"), symlink("c", "etc"), file("c/.wh.y")]],
    // The same with a file that a directory replaces, and the reverse.
    [["d", "d/a-"], [file("d"), file("d/.wh.a"), dir("d")]],
    [["d"], [dir("d"), file("d/.wh.a"), file("d")]],
  ];
  for (const [expected, entries] of cases) assertEquals(marks(entries), expected);
});

Deno.test("the directory of a whiteout cannot have the name of a whiteout, not even through a link", () => {
  const builder = new LayerBuilder();
  builder.entry(symlink("l", ".wh.x"));
  const error = assertThrows(() => builder.entry(file("l/.wh.a")), VarveError);
  assertEquals(error.code, "E_WHITEOUT_TYPE");
});

Deno.test("warnings are counted by code, with the first example", () => {
  const counter = new WarningCounter();
  counter.add("W_XATTR_USER", "b\n" as ByteString, "user.x" as ByteString);
  counter.add("W_AUFS", "a" as ByteString);
  counter.add("W_XATTR_USER", "c" as ByteString);
  assertEquals(counter.list(), [
    { code: "W_AUFS", count: 1, example: "a" },
    { code: "W_XATTR_USER", count: 2, example: "b\\x0a (user.x)" },
  ]);
  for (const { code } of counter.list()) assertEquals(typeof WARNING_CODES[code], "string");
});
