/** Rows B: whiteouts, opaque markers and overlay's own attributes, and D26 and D29 beside them. */
import { assertEquals } from "@std/assert";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import type { Entry } from "../../../lib/layer/mod.ts";
import { lookup } from "../../../lib/tree/mod.ts";
import {
  build,
  char,
  dir,
  entryOf,
  file,
  hardlink,
  sketch,
  symlink,
  verdict,
  xattr,
} from "../../support/images/entries.ts";

/** Both orders must give the same. */
function bothOrders(...entries: Entry[]): string[] {
  const forward = build(entries).tree;
  assertEquals(build(entries.toReversed()).tree.digest, forward.digest);
  return sketch(forward);
}

Deno.test("B01 B02 B03 a whiteout of no name, . or .. is refused", () => {
  for (const name of [".wh.", ".wh..", ".wh..."]) {
    assertEquals(verdict([file(name)]), "E_WHITEOUT", name);
    assertEquals(verdict([file(`etc/${name}`)]), "E_WHITEOUT", `etc/${name}`);
  }
  assertEquals(verdict([file(".wh....")]), "OK");
});

Deno.test("B05 a whiteout hides a name, not what it leads to", () => {
  assertEquals(sketch(build([file(".wh.localetc")]).tree), ["localetc hidden"]);
});

Deno.test("B06 a whiteout behind a link of the layer stands where the link leads, inside", () => {
  const inside = [symlink("localetc", "/etc"), file("localetc/.wh.f")];
  assertEquals(sketch(build(inside).tree), [
    "etc dir implied",
    "etc/f hidden",
    "localetc -> /etc",
  ]);
  const outside = [symlink("localetc", "../../../outside"), file("localetc/.wh.x")];
  assertEquals(sketch(build(outside).tree), [
    "localetc -> ../../../outside",
    "outside dir implied",
    "outside/x hidden",
  ]);
  // What a link takes the place of takes its whiteouts along.
  assertEquals(sketch(build(inside.toReversed()).tree), ["localetc -> /etc"]);
  assertEquals(sketch(build(outside.toReversed()).tree), ["localetc -> ../../../outside"]);
  assertEquals(verdict([file("../.wh.x")]), "E_PATH_ESCAPE");
});

Deno.test("B05 of a name of 255 bytes there is a whiteout, though its own name is longer", () => {
  const name = "n".repeat(255);
  assertEquals(sketch(build([file(`d/.wh.${name}`)]).tree), [
    "d dir implied",
    `d/${name} hidden`,
  ]);
  assertEquals(bothOrders(file(`x/../.wh.${name}`), file(`./.wh.${name}`), file(name)), [
    `${name} file`,
  ]);
  for (const path of [`.wh.n${name}`, `.wh.${name}/../f`, `${name}n/.wh.f`]) {
    assertEquals(verdict([file(path)]), "E_NAME_TOO_LONG", path);
  }
  assertEquals(verdict([file(`.wh.${name}/f`)]), "E_WHITEOUT_TYPE");
  assertEquals(verdict([file("f"), hardlink("l", `.wh.${name}`)]), "E_NAME_TOO_LONG");
});

Deno.test("B10 a whiteout is a file or a hard link, of any size", () => {
  assertEquals(sketch(build([entryOf(".wh.a", "file", { size: 9 })]).tree), ["a hidden"]);
  assertEquals(sketch(build([hardlink(".wh.a", "whatever")]).tree), ["a hidden"]);
  for (const type of ["symlink", "directory", "char", "block", "fifo"] as const) {
    for (const name of [".wh.a", "d/.wh.a", ".wh..wh..opq", "d/.wh..wh..opq"]) {
      const entry = entryOf(name, type, { linkname: "x", devmajor: 1 });
      assertEquals(verdict([entry]), "E_WHITEOUT_TYPE", `${type} ${name}`);
    }
  }
  assertEquals(verdict([file(".wh.a/b")]), "E_WHITEOUT_TYPE");
  assertEquals(verdict([file(".wh..wh..opq/b")]), "E_WHITEOUT_TYPE");
  assertEquals(verdict([symlink("l", ".wh.a"), file("l/b")]), "E_WHITEOUT_TYPE");
});

Deno.test("B11 what is there and hidden at once is there; a directory is then opaque", () => {
  assertEquals(bothOrders(file("a"), file(".wh.a")), ["a file"]);
  assertEquals(bothOrders(symlink("a", "b"), file(".wh.a")), ["a -> b"]);
  assertEquals(bothOrders(dir("a"), file(".wh.a")), ["a dir opaque"]);
  assertEquals(bothOrders(file("a/x"), file(".wh.a")), ["a dir opaque implied", "a/x file"]);
});

Deno.test("B13 what lies in something hidden is hidden already", () => {
  assertEquals(bothOrders(file(".wh.foo"), file("foo/.wh.bar")), ["foo hidden"]);
  assertEquals(bothOrders(file("a/.wh.b"), file("a/b/c/.wh.d"), file("a/b/.wh..wh..opq")), [
    "a dir implied",
    "a/b hidden",
  ]);
});

Deno.test("B14 an opaque marker hides what is below, not what the layer has", () => {
  const expected = ["d dir opaque", "d/x file", "d/y file"];
  assertEquals(
    sketch(build([dir("d"), file("d/x"), file("d/.wh..wh..opq"), file("d/y")]).tree),
    expected,
  );
  assertEquals(bothOrders(file("d/.wh..wh..opq"), file("d/x")), [
    "d dir opaque implied",
    "d/x file",
  ]);
  assertEquals(sketch(build([file(".wh..wh..opq"), file("x")]).tree), ["/ opaque", "x file"]);
});

Deno.test("B15 an opaque marker makes its parents; it is at no link and in no file", () => {
  assertEquals(sketch(build([file("a/b/.wh..wh..opq")]).tree), [
    "a dir implied",
    "a/b dir opaque implied",
  ]);
  const link = [symlink("l", "d"), file("l/.wh..wh..opq")];
  assertEquals(sketch(build(link).tree), ["d dir opaque implied", "l -> d"]);
  assertEquals(sketch(build(link.toReversed()).tree), ["l -> d"]);
  // A file hides all that could be hidden behind its name.
  assertEquals(bothOrders(file("f"), file("f/.wh..wh..opq")), ["f file"]);
  assertEquals(bothOrders(file("f"), file("f/d/.wh.x"), file(".wh.f")), ["f file"]);
});

Deno.test("B17 in an opaque directory, however deep, nothing is left to hide", () => {
  assertEquals(bothOrders(file("d/.wh..wh..opq"), file("d/.wh.x")), ["d dir opaque implied"]);
  assertEquals(bothOrders(dir("d/e"), file("d/.wh..wh..opq"), file("d/e/.wh.x")), [
    "d dir opaque implied",
    "d/e dir",
  ]);
  assertEquals(bothOrders(file(".wh..wh..opq"), file(".wh.x")), ["/ opaque"]);
});

Deno.test("B18 opaque directories inside each other are fine", () => {
  const markers = ["a", "a/b", "a/b/c"].map((path) => file(`${path}/.wh..wh..opq`));
  assertEquals(bothOrders(...markers), [
    "a dir opaque implied",
    "a/b dir opaque implied",
    "a/b/c dir opaque implied",
  ]);
});

Deno.test("B19 AUFS metadata is left out and counted; nothing can link into it", () => {
  const { tree, warnings } = build([
    dir(".wh..wh.plnk"),
    file(".wh..wh.plnk/1.2"),
    file(".wh..wh.aufs"),
    dir("./.wh..wh.orph/"),
    file("x"),
  ]);
  assertEquals(sketch(tree), ["x file"]);
  assertEquals(warnings, [{ code: "W_AUFS", count: 4, example: ".wh..wh.plnk" }]);
  const linked = [file(".wh..wh.plnk/1.2"), hardlink("h", "/.wh..wh.plnk/1.2")];
  assertEquals(verdict(linked), "E_LINK_TARGET");
});

Deno.test("B21 a character device 0:0 is a whiteout, as overlay would have shown it", () => {
  const { tree, warnings } = build([file("x"), char("x", 0, 0), char("tty", 5, 0)]);
  assertEquals(sketch(tree), ["tty char", "x hidden"]);
  assertEquals(warnings.map(({ code, count }) => [code, count]), [
    ["W_DUPLICATE", 1],
    ["W_WHITEOUT_DEVICE", 1],
  ]);
  assertEquals(sketch(build([char("x", 0, 0), file("x")]).tree), ["x file"]);
  assertEquals(bothOrders(char("d/x", 0, 0), file("d/.wh..wh..opq")), ["d dir opaque implied"]);
  // What hides a file is no file: nothing can be linked to it.
  for (const target of ["x", "./x", "/d/../x"]) {
    const linked = [char("d/y", 0, 0), char("x", 0, 0), hardlink("y", target)];
    assertEquals(verdict(linked), "E_LINK_TARGET", target);
  }
  assertEquals(verdict([char("x", 0, 0), hardlink("x", "x")]), "E_LINK_TARGET");
  assertEquals(sketch(build([char("x", 0, 0), file("x"), hardlink("y", "x")]).tree), [
    "x file",
    "y file",
  ]);
  // Its parent may become something else later.
  assertEquals(sketch(build([char("d/x", 0, 0), file("d")]).tree), ["d file"]);
  assertEquals(sketch(build([char("d/x", 0, 0), symlink("d", "d")]).tree), ["d -> d"]);
});

Deno.test("B22 B23 B25 B26 B27 overlay's own attributes never come in", () => {
  const names = [
    "trusted.overlay.whiteout",
    "trusted.overlay.opaque",
    "trusted.overlay.metacopy",
    "trusted.overlay.redirect",
    "trusted.overlay.overlay.opaque",
    "user.overlay.opaque",
    "user.overlay.redirect",
    "user.overlay.origin",
    "user.overlay.whiteout",
    "user.overlay",
  ];
  const xattrs = [...names.map((name) => xattr(name, "y")), xattr("user.overlays", "mine")];
  const { tree, warnings } = build([
    entryOf("f", "file", { xattrs }),
    entryOf("d", "directory", { xattrs }),
  ]);
  assertEquals(sketch(tree), ["d dir", "f file"]);
  for (const path of ["d", "f"]) {
    const node = lookup(tree, path as ByteString);
    assertEquals(node?.type !== "whiteout" && node?.xattrs, [xattr("user.overlays", "mine")]);
  }
  assertEquals(warnings, [{
    code: "W_XATTR_OVERLAY",
    count: 2 * names.length,
    example: "f (trusted.overlay.whiteout)",
  }]);
});

Deno.test("D26 the last of two entries of one path wins, and is counted", () => {
  const last = (...entries: Entry[]) => sketch(build(entries).tree);
  assertEquals(last(file("a", 1), file("a", 2)), ["a file"]);
  assertEquals(last(dir("a"), file("a/x"), file("a")), ["a file"]);
  assertEquals(last(file("a"), dir("a")), ["a dir"]);
  assertEquals(last(symlink("a", "b"), dir("a"), file("a/x")), ["a dir", "a/x file"]);
  assertEquals(last(dir("a", 1), file("a/x"), dir("a", 2)), ["a dir", "a/x file"]);
  assertEquals(build([dir("a"), dir("a"), file("a"), file("a")]).warnings, [
    { code: "W_DUPLICATE", count: 3, example: "a" },
  ]);
});

Deno.test("D29 D30 names are bytes: none is changed, none meets another", () => {
  const names = ["a\xff", "a\xfe", "\xed\xa0\x80", "n\nl", "t\tb", "\x1b[31m", "\xe2\x80\xae", " "];
  const entries = names.map((name) => ({ ...file("x"), path: name as ByteString }));
  const { tree } = build(entries);
  assertEquals(tree.count, names.length);
  for (const name of names) assertEquals(lookup(tree, name as ByteString)?.type, "file", name);
});
