/** Rows A: paths and links that try to leave the layer, judged entry by entry. */
import { assert, assertEquals } from "@std/assert";
import { timestamp } from "../../../lib/bytes/mod.ts";
import { LayerBuilder, type LayerLimits } from "../../../lib/layer/mod.ts";
import { type FileNode, lookup, rootOf } from "../../../lib/tree/mod.ts";
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
  verdict,
  xattr,
} from "../../support/images/entries.ts";

const bytes = (text: string) => text as FileNode["group"] & string;

Deno.test("A01 A02 A06 a path above the root is refused", () => {
  for (const path of ["../victim/x", "/../victim/x", "a/../../b", "a/b/../../../c", "./../x"]) {
    assertEquals(verdict([file(path)]), "E_PATH_ESCAPE", path);
  }
});

Deno.test("A03 a bare .. is refused, whatever it is", () => {
  const made = [file(".."), dir(".."), dir("../"), symlink("..", "/etc/"), hardlink("..", "x")];
  for (const entry of made) assertEquals(verdict([entry]), "E_PATH_ESCAPE", entry.type);
});

Deno.test("A05 a path is what it is once cleaned", () => {
  const plain = build([file("etc/x")]).tree.digest;
  for (const path of ["////etc/x", ".//etc//./x", "etc/b/../x", "/etc/x", "./etc/x", "etc/./x"]) {
    assertEquals(build([file(path)]).tree.digest, plain, path);
  }
});

Deno.test("A07 ./ gives the root its attributes; without it they are the default", () => {
  for (const path of ["./", ".", "/", "a/.."]) {
    const entry = entryOf(path, "directory", {
      mode: 0o700,
      uid: 1,
      gid: 2,
      mtime: timestamp(7, 5),
      xattrs: [xattr("user.x", "1")],
    });
    const { mode, uid, gid, mtime, xattrs, implied } = rootOf(build([entry, file("f")]).tree);
    assertEquals(
      { mode, uid, gid, mtime, xattrs, implied },
      {
        mode: 0o700,
        uid: 1,
        gid: 2,
        mtime: timestamp(7, 5),
        xattrs: [xattr("user.x", "1")],
        implied: false,
      },
      path,
    );
  }
  const { mode, uid, gid, mtime, implied } = rootOf(build([file("f")]).tree);
  assertEquals({ mode, uid, gid, mtime, implied }, {
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: timestamp(0),
    implied: true,
  });
});

Deno.test("A09 the root can only be a directory", () => {
  const made = [
    file("."),
    symlink("./", "/etc"),
    hardlink(".", "x"),
    entryOf("/", "fifo"),
    entryOf(".", "char", { devmajor: 1, devminor: 3 }),
    entryOf(".", "char"),
  ];
  for (const entry of made) {
    assertEquals(verdict([file("x"), entry]), "E_ROOT_TYPE", entry.type);
  }
});

Deno.test("A10 an entry without a name is refused", () => {
  assertEquals(verdict([file("")]), "E_EMPTY_NAME");
  assertEquals(verdict([dir("")]), "E_EMPTY_NAME");
});

Deno.test("A11 a link to an absolute path starts at the layer's own root", () => {
  assertEquals(sketch(build([symlink("l", "/etc"), file("/l/unbroken")]).tree), [
    "etc dir implied",
    "etc/unbroken file",
    "l -> /etc",
  ]);
});

Deno.test("A13 two hops upwards stay inside", () => {
  const { tree } = build([
    dir("inner"),
    symlink("inner/go_up", ".."),
    symlink("inner/go_up/escape", "../victim"),
    file("inner/go_up/escape/newfile"),
  ]);
  assertEquals(sketch(tree), [
    "escape -> ../victim",
    "inner dir",
    "inner/go_up -> ..",
    "victim dir implied",
    "victim/newfile file",
  ]);
});

Deno.test("A14 a parent that is a link to .. makes nothing outside", () => {
  assertEquals(sketch(build([symlink("parent", ".."), file("parent/exploit/foo/bar")]).tree), [
    "exploit dir implied",
    "exploit/foo dir implied",
    "exploit/foo/bar file",
    "parent -> ..",
  ]);
});

Deno.test("A15 a directory that becomes a link and a directory again has the last content", () => {
  const { tree } = build([
    dir("foo"),
    dir("foo/tmp"),
    file("foo/tmp/b", 1),
    symlink("foo", "/"),
    file("foo/tmp/b", 2),
    dir("foo"),
    dir("foo/tmp"),
    file("foo/tmp/b", 3),
  ]);
  assertEquals(sketch(tree), [
    "foo dir",
    "foo/tmp dir",
    "foo/tmp/b file",
    "tmp dir implied",
    "tmp/b file",
  ]);
  const last = lookup(tree, bytes("foo/tmp/b")) as FileNode;
  assertEquals(last.mtime, timestamp(3));
});

Deno.test("A17 a file takes the place of a link, and does not go through it", () => {
  const { tree, warnings } = build([symlink("x", "/victim"), file("x")]);
  assertEquals(sketch(tree), ["x file"]);
  assertEquals(warnings, [{ code: "W_DUPLICATE", count: 1, example: "x" }]);
});

Deno.test("A18 A19 A21 a hard link to what lies outside is refused", () => {
  for (const target of ["../victim/hello", "/../victim/hello", "../store-evil/secret"]) {
    assertEquals(verdict([file("hello"), hardlink("h", target)]), "E_PATH_ESCAPE", target);
  }
  assertEquals(
    verdict([symlink("d", "../.."), hardlink("h", "d/store-evil/x")]),
    "E_LINK_TARGET",
  );
});

Deno.test("A22 the way to a hard link's target follows links inside the layer", () => {
  const { tree } = build([
    file("etc/passwd"),
    symlink("b/d1", "../../etc"),
    hardlink("m", "/b/d1/passwd"),
  ]);
  const node = lookup(tree, bytes("m")) as FileNode;
  assertEquals(node.group, bytes("etc/passwd"));
  assertEquals(lookup(tree, bytes("etc/passwd")), node);
});

Deno.test("A23 a hard link to a link is that link; its attributes never reach the target", () => {
  const { tree } = build([
    file("victim", 1),
    symlink("s", "victim"),
    entryOf("h", "hardlink", { linkname: "s", mode: 0o4777, uid: 9, mtime: timestamp(9) }),
  ]);
  const lines = linesOf(tree);
  assertEquals(lines.get("h"), "symlink 777 9:0 0.9.0 [] 0  victim  h");
  assertEquals(lines.get("s"), lines.get("h"));
  assertEquals(lines.get("victim"), "file 644 0:0 0.1.0 [] 0    ");
});

Deno.test("A25 a hard link to itself is refused, by any of its names", () => {
  assertEquals(verdict([hardlink("h", "h")]), "E_LINK_TARGET");
  assertEquals(verdict([file("h"), hardlink("h", "./h")]), "E_LINK_TARGET");
  assertEquals(verdict([file("d/h"), symlink("s", "d"), hardlink("s/h", "d/h")]), "E_LINK_TARGET");
  // Its own place must be free before the link is made: what stood there is gone with it.
  assertEquals(verdict([file("d/x"), hardlink("d", "d/x")]), "E_LINK_TARGET");
});

Deno.test("A26 A27 a hard link needs its target in the same layer, and before it", () => {
  assertEquals(verdict([hardlink("h", "later"), file("later")]), "E_LINK_TARGET");
  assertEquals(verdict([hardlink("h", "usr/bin/only-below")]), "E_LINK_TARGET");
  assertEquals(verdict([dir("d"), hardlink("h", "d")]), "E_LINK_TARGET");
  assertEquals(verdict([file("f"), hardlink("h", "f/x")]), "E_LINK_TARGET");
  assertEquals(verdict([hardlink("h", "/")]), "E_LINK_TARGET");
});

Deno.test("A29 a name that leaves a group of links changes none of the others", () => {
  const { tree } = build([file("a", 1), hardlink("b", "a"), hardlink("c", "a"), file("b", 2)]);
  const lines = linesOf(tree);
  assertEquals(lines.get("a"), "file 644 0:0 0.0.0 [] 0    a");
  assertEquals(lines.get("c"), lines.get("a"));
  assertEquals(lines.get("b"), "file 644 0:0 0.2.0 [] 0    ");
});

Deno.test("A30 the target of a link is 1 to 4095 bytes without NUL", () => {
  for (const target of ["", "a\0b", "x".repeat(4096)]) {
    assertEquals(verdict([symlink("l", target)]), "E_LINKNAME", `${target.length} bytes`);
  }
  assertEquals(verdict([symlink("l", "x".repeat(4095))]), "OK");
  assertEquals(verdict([hardlink("l", "")]), "E_LINKNAME");
  assertEquals(verdict([hardlink("l", "a\0")]), "E_LINKNAME");
});

Deno.test("A31 a loop of links is refused when something goes through it", () => {
  assertEquals(verdict([symlink("a", "b"), symlink("b", "a")]), "OK");
  assertEquals(verdict([symlink("a", "b"), symlink("b", "a"), file("a/x")]), "E_LOOP");
  assertEquals(verdict([symlink("a", "a"), dir("a/x")]), "E_LOOP");
  assertEquals(verdict([symlink("a", "a/a"), file("a/.wh.x")]), "E_LOOP");
});

Deno.test("A33 a directory takes the place of a link of its name", () => {
  const { tree } = build([symlink("link", "/victim"), dir("link/"), file("link/x")]);
  assertEquals(sketch(tree), ["link dir", "link/x file"]);
});

Deno.test("A34 a way far longer than PATH_MAX ends where it should, inside", () => {
  const long = "d".repeat(240);
  const entries = [];
  let way = "";
  for (const short of "abcdefghijklmnop") {
    entries.push(dir(`${way}${long}`), symlink(`${way}${short}`, long));
    way += `${short}/`;
  }
  const up = "../".repeat(16);
  entries.push(symlink(`${way}l`, up), symlink("escape", `${way}l/../../etc`), file("escape/x"));
  const { tree } = build(entries);
  assert(lookup(tree, bytes("etc/x")) !== undefined, "not in the layer's own etc");
});

Deno.test("A35 long paths are fine up to the limit, names up to 255 bytes", () => {
  const path = (length: number) => "d/".repeat(4000).slice(0, length - 1) + "f";
  assertEquals(verdict([file(path(5001))]), "OK");
  assertEquals(verdict([file("n".repeat(255))]), "OK");
  assertEquals(verdict([file("n".repeat(256))]), "E_NAME_TOO_LONG");
  assertEquals(verdict([file(`d/${"n".repeat(256)}/x`)]), "E_NAME_TOO_LONG");
  assertEquals(verdict([symlink("l", "n".repeat(256)), file("l/x")]), "E_NAME_TOO_LONG");
  assertEquals(verdict([file("/".repeat(65_535) + "f")]), "OK");
  assertEquals(verdict([file("/".repeat(65_536) + "f")]), "E_NAME_TOO_LONG");
  assertEquals(verdict([file("a\0b")]), "E_HEADER");
});

Deno.test("A37 a parent that is no directory is refused", () => {
  for (const parent of [file("nondir"), entryOf("nondir", "fifo"), entryOf("nondir", "char")]) {
    assertEquals(verdict([parent, file("nondir/foo/bar")]), "E_NOT_DIR", parent.type);
    assertEquals(verdict([parent, hardlink("nondir/x", "nondir")]), "E_NOT_DIR", parent.type);
  }
  assertEquals(verdict([file("f"), symlink("l", "f"), dir("l/x")]), "E_NOT_DIR");
});

Deno.test("A39 parents without an entry are implied, until they have one", () => {
  assertEquals(sketch(build([file("a/b/c")]).tree), [
    "a dir implied",
    "a/b dir implied",
    "a/b/c file",
  ]);
  const { tree, warnings } = build([file("a/b/c"), dir("a/b/")]);
  assertEquals(sketch(tree), ["a dir implied", "a/b dir", "a/b/c file"]);
  assertEquals(warnings, []);
});

Deno.test("A42 magic links of /proc are text like any other", () => {
  const { tree } = build([
    symlink("root", "/proc/self/root/../../etc"),
    file("root/x"),
    symlink("fd", "/proc/self/fd/3"),
    file("fd/y"),
  ]);
  assertEquals(sketch(tree).filter((line) => line.endsWith(" file")), [
    "proc/etc/x file",
    "proc/self/fd/3/y file",
  ]);
});

Deno.test("A a link's way back out of a missing directory makes nothing on the way", () => {
  assertEquals(sketch(build([symlink("l", "gone/../there"), file("l/x")]).tree), [
    "l -> gone/../there",
    "there dir implied",
    "there/x file",
  ]);
});

Deno.test("A limits hold at limit - 1, limit and limit + 1", () => {
  const verdictAt = (limits: Partial<LayerLimits>, ...entries: Parameters<typeof verdict>[0]) =>
    verdict(entries, { limits });
  const cases: [keyof LayerLimits, number, string, (n: number) => Parameters<typeof verdict>[0]][] =
    [
      ["entries", 4, "E_LIMIT", (n) => Array.from({ length: n }, (_, i) => file(`f${i}`))],
      ["entries", 4, "E_LIMIT", (n) => [file("d/".repeat(n - 1) + "f")]],
      ["path", 9, "E_NAME_TOO_LONG", (n) => [file("d/".repeat(10).slice(0, n - 1) + "f")]],
      ["component", 9, "E_NAME_TOO_LONG", (n) => [file("n".repeat(n))]],
      ["depth", 5, "E_LIMIT", (n) => [file("d/".repeat(n - 1) + "f")]],
      ["depth", 5, "E_LIMIT", (n) => [dir("d/".repeat(n - 2)), file("d/".repeat(n - 2) + "d/f")]],
      ["depth", 5, "E_LIMIT", (n) => [file("d/".repeat(n - 1) + ".wh.f")]],
      ["metadata", 90, "E_LIMIT", (n) => [symlink("l", "t".repeat(n - 1))]],
      ["metadata", 90, "E_LIMIT", (n) => [file(`.wh.${"n".repeat(n - 5)}`), file("f")]],
      ["links", 6, "E_LOOP", (n) => [
        ...Array.from({ length: n - 1 }, (_, i) => symlink(`l${i}`, `l${i + 1}`)),
        symlink(`l${n - 1}`, "d"),
        file("l0/f"),
      ]],
      ["linkSteps", 8, "E_LIMIT", (n) => [symlink("l", "d/".repeat(n - 1) + "d"), file("l/f")]],
      ["xattrValue", 9, "E_XATTR", (n) => [
        entryOf("f", "file", { xattrs: [xattr("user.x", "v".repeat(n))] }),
      ]],
      ["xattrTotal", 20, "E_XATTR", (n) => [
        entryOf("f", "file", { xattrs: [xattr("user.x", "v".repeat(n - 6))] }),
      ]],
    ];
  for (const [name, limit, code, make] of cases) {
    for (const n of [limit - 1, limit]) {
      assertEquals(verdictAt({ [name]: limit }, ...make(n)), "OK", `${name} ${n}`);
    }
    assertEquals(verdictAt({ [name]: limit }, ...make(limit + 1)), code, `${name} ${limit + 1}`);
  }
});

Deno.test("A34 following links has a budget for the whole layer, not only for one path", () => {
  const builder = new LayerBuilder({ limits: { linkSteps: 5000 } });
  builder.entry(symlink("s", "d/../".repeat(100) + "d"));
  let taken = 0;
  let code = "OK";
  try {
    for (; taken < 1000; taken++) builder.entry(file(`${taken % 2 ? "s" : "./s"}/${taken}`));
    builder.finish(TEST_DIFF_ID);
  } catch (error) {
    code = (error as { code: string }).code;
  }
  assertEquals([code, taken], ["E_LIMIT", 24]);
});
