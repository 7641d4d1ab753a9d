// Paths and links that lead out of the root.
import { assertEquals } from "@std/assert";
import { expectRaces, hostile, refused } from "../support/extraction/hostile_case.ts";
import type { TarFixture } from "../support/tar/tar_fixture.ts";

refused("A01 a parent's file", "E_PATH_ESCAPE", { name: "../victim/x", content: "x" });
refused("A02 an absolute parent's file", "E_PATH_ESCAPE", { name: "/../victim/x", content: "x" });
refused("A03 the parent itself", "E_PATH_ESCAPE", { name: "..", type: "dir" });
hostile({
  name: "A05 absolute and doubled slashes",
  layer: [
    { name: "////etc/x", content: "x" },
    { name: ".//etc//./y", content: "y" },
    { name: "a/b/../c", content: "c" },
  ],
  tree: { "etc/x": "file 0644", "etc/y": "file 0644", "a/c": "file 0644" },
});
refused("A06 up and out", "E_PATH_ESCAPE", { name: "a/../../b", content: "b" });
hostile({
  name: "A07 the root's own entry",
  layer: [{ name: "./", mode: 0o700, uid: 1, mtime: "5.25" }],
  tree: { ".": "directory 0700 1:0 5.250000000" },
});
hostile({
  name: "A07 no entry of the root",
  layer: [{ name: "f", content: "" }],
  tree: { ".": "directory 0755 0:0 0.000000000" },
});
refused("A09 a file as the root", "E_ROOT_TYPE", { name: ".", content: "x" });
refused("A10 an empty name", "E_EMPTY_NAME", { name: "", content: "x" });
hostile({
  name: "A11 a file through an absolute link",
  layer: [{ name: "l", target: "/etc" }, { name: "/l/unbroken", content: "x" }],
  tree: { "etc/unbroken": "file 0644", "l": "symlink 0777" },
});
hostile({
  name: "A13 two hops",
  layer: [
    { name: "inner/" },
    { name: "inner/go_up", target: ".." },
    { name: "inner/go_up/escape", target: "../victim" },
    { name: "inner/go_up/escape/newfile", content: "x" },
  ],
  tree: { "victim/newfile": "file 0644" },
});
hostile({
  name: "A14 directories through a link to the parent",
  layer: [{ name: "parent", target: ".." }, { name: "parent/exploit/foo/bar", content: "x" }],
  tree: { "exploit/foo/bar": "file 0644" },
});
hostile({
  name: "A15 a directory becomes a link and a directory again",
  layer: [
    { name: "foo/" },
    { name: "foo/tmp/" },
    { name: "foo/tmp/b", content: "1" },
    { name: "foo", target: "/" },
    { name: "foo/tmp/b", content: "22" },
    { name: "foo/" },
    { name: "foo/tmp/" },
    { name: "foo/tmp/b", content: "333" },
  ],
  also: (place) => {
    assertEquals(Deno.readTextFileSync(`${place.root}/foo/tmp/b`), "333");
  },
});
hostile({
  name: "A17 a link becomes a file",
  layer: [{ name: "x", target: "../victim/hello" }, { name: "x", content: "mine" }],
  tree: { "x": "file 0644" },
});
refused("A18 a hard link to a parent's file", "E_PATH_ESCAPE", {
  name: "h",
  type: "hardlink",
  target: "../victim/hello",
});
refused("A19 an absolute hard link to a parent's file", "E_PATH_ESCAPE", {
  name: "h",
  type: "hardlink",
  target: "/../victim/hello",
});
refused("A21 a hard link to a sibling whose name begins with the root's", "E_PATH_ESCAPE", {
  name: "h",
  type: "hardlink",
  target: "../root-evil/secret",
});
hostile({
  name: "A22 a hard link through a link",
  layer: [
    { name: "etc/passwd", content: "root" },
    { name: "b/d1", target: "../../etc" },
    { name: "m", type: "hardlink", target: "/b/d1/passwd" },
  ],
  tree: { "m": "file 0644 0:0 n2", "etc/passwd": "file 0644 0:0 n2" },
});
hostile({
  name: "A23 a hard link to a link that leads out",
  layer: [
    { name: "s", target: "../victim/hello" },
    {
      name: "h",
      type: "hardlink",
      target: "s",
      mode: 0o4777,
      uid: 99,
      mtime: 1,
      xattrs: { "user.x": "1" },
    },
  ],
  tree: { "h": "symlink 0777 99:0 n2 1.0" },
});
refused("A25 a hard link to itself", "E_LINK_TARGET", {
  name: "h",
  type: "hardlink",
  target: "h",
});
refused(
  "A26 a hard link before its target",
  "E_LINK_TARGET",
  { name: "h", type: "hardlink", target: "t" },
  { name: "t", content: "t" },
);
hostile({
  name: "A29 one of two hard links is replaced",
  layer: [
    { name: "a", content: "first" },
    { name: "b", type: "hardlink", target: "a" },
    { name: "b", content: "second" },
  ],
  also: (place) => {
    assertEquals(Deno.readTextFileSync(`${place.root}/a`), "first");
    assertEquals(Deno.readTextFileSync(`${place.root}/b`), "second");
  },
});
refused("A30 a link's target that is too long", "E_LINKNAME", {
  name: "s",
  target: "x".repeat(4096),
});
hostile({
  name: "A30 a link's target as long as the kernel takes",
  layer: [{ name: "s", target: "x".repeat(4095) }],
  tree: { "s": "symlink" },
});
refused(
  "A31 a loop of links",
  "E_LOOP",
  { name: "a", target: "b" },
  { name: "b", target: "a" },
  { name: "a/x", content: "x" },
);
hostile({
  name: "A33 a directory over a link, with a slash",
  layer: [{ name: "link", target: "../victim" }, { name: "link/" }, {
    name: "link/f",
    content: "",
  }],
  tree: { "link": "directory", "link/f": "file" },
});
const LONG = "d".repeat(247);
hostile({
  name: "A34 links whose resolved length is beyond PATH_MAX",
  layer: [
    ...Array.from({ length: 16 }, (_, i): TarFixture[] => {
      const here = Array.from({ length: i }, (_, k) => String.fromCharCode(97 + k)).join("/");
      const prefix = here === "" ? "" : `${here}/`;
      return [{ name: `${prefix}${LONG}/` }, {
        name: `${prefix}${String.fromCharCode(97 + i)}`,
        target: LONG,
      }];
    }).flat(),
    { name: `${"abcdefghijklmnop".split("").join("/")}/l`, target: "../".repeat(16) },
    {
      name: `${"abcdefghijklmnop".split("").join("/")}/l/../victim/x`,
      content: "x",
    },
  ],
});
const STEPS = 40;
const deep = Array.from({ length: STEPS }, () => "e".repeat(250)).join("/");
hostile({
  name: "A35 a path of 10,000 bytes",
  layer: [{ name: `${deep}/f`, content: "deep" }, {
    name: `${deep}/g`,
    type: "hardlink",
    target: `${deep}/f`,
  }, { name: `${deep.slice(0, 251 * 17 - 1)}/h`, content: "h" }],
  tree: { [`${deep}/f`]: "file 0644 0:0 n2", [`${deep}/g`]: "file 0644 0:0 n2" },
});
refused("A35 a name of 256 bytes", "E_NAME_TOO_LONG", { name: "n".repeat(256), content: "" });
refused(
  "A37 a parent that is a file",
  "E_NOT_DIR",
  { name: "nondir", content: "" },
  { name: "nondir/foo/bar", content: "" },
);
hostile({
  name: "A42 magic links are text",
  layer: [
    { name: "p", target: "/proc/self/root/tmp" },
    { name: "p/x", content: "x" },
    { name: "q", target: "/proc/self/fd/3" },
    { name: "q/y", content: "y" },
  ],
  tree: { "proc/self/root/tmp/x": "file", "proc/self/fd/3/y": "file" },
});

expectRaces();
