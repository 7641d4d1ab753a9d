// Whiteouts, overlay's encoding, inodes, attributes and names.
import { assert, assertEquals } from "@std/assert";
import { listing } from "../support/extraction/arena.ts";
import { expectRaces, hostile } from "../support/extraction/hostile_case.ts";
import { CAPABILITY } from "../support/images/sample_image.ts";

hostile({
  name: "B11 a file and its own whiteout",
  layer: [{ name: "a", content: "a" }, { name: ".wh.a" }, { name: ".wh.b" }, {
    name: "b",
    content: "b",
  }],
  tree: { "a": "file", "b": "file", ".wh.a": null },
});
hostile({
  name: "B13 a whiteout, then one below it",
  layer: [{ name: ".wh.foo" }, { name: "foo/.wh.bar" }],
  tree: { "foo": "char 0000 0:0 n1 0:0", "foo/bar": null },
});
hostile({
  name: "B14 an opaque directory, files before and after",
  layer: [{ name: "d/" }, { name: "d/a", content: "" }, { name: "d/.wh..wh..opq" }, {
    name: "d/b",
    content: "",
  }],
  tree: { "d/a": "file", "d/b": "file" },
  also: (place) => {
    assert(listing(place.root).get("d")?.endsWith(" trusted.overlay.opaque=y"));
  },
});
hostile({
  name: "B15 an opaque marker through a link",
  layer: [{ name: "l", target: "../victim" }, { name: "l/.wh..wh..opq" }],
  tree: { "l": "symlink" },
});
hostile({
  name: "B17 a whiteout in an opaque directory, before and after the marker",
  layer: [{ name: "d/" }, { name: "d/.wh.x" }, { name: "d/.wh..wh..opq" }, { name: "d/.wh.y" }],
  tree: { "d/x": null, "d/y": null },
});
hostile({
  name: "B18 opaque directories in each other",
  layer: [{ name: "a/.wh..wh..opq" }, { name: "a/b/.wh..wh..opq" }, {
    name: "a/b/c/f",
    content: "",
  }],
  tree: { "a/b/c/f": "file" },
  also: (place) => {
    const seen = listing(place.root);
    assert(seen.get("a")?.endsWith("opaque=y"));
    assert(seen.get("a/b")?.endsWith("opaque=y"));
  },
});
hostile({
  name: "B21 a 0/0 device is a whiteout",
  layer: [{ name: "d/w", type: "char", major: 0, minor: 0, mode: 0o666 }],
  tree: { "d/w": "char 0000 0:0 n1 0:0" },
  also: (_, report) => assertEquals(report?.whiteouts, 1),
});
hostile({
  name: "B22 B23 B25 B26 B27 an image does not speak to overlayfs",
  layer: [
    {
      name: "d/",
      xattrs: { "trusted.overlay.opaque": "y", "user.overlay.opaque": "y" },
    },
    { name: "d/w", content: "", xattrs: { "trusted.overlay.whiteout": "y" } },
    {
      name: "d/m",
      content: "m",
      xattrs: {
        "trusted.overlay.metacopy": "",
        "trusted.overlay.redirect": "/etc/shadow",
        "user.overlay.redirect": "/etc/shadow",
        "trusted.overlay.overlay.opaque": "y",
        "user.overlay.origin": "x",
        "user.kept": "1",
      },
    },
  ],
  also: (place) => {
    const seen = listing(place.root);
    for (const line of seen.values()) assert(!line.includes("overlay"), line);
    assert(seen.get("d/m")?.endsWith(" user.kept=1"));
  },
});

hostile({
  name: "C10 names of users and groups are never looked up",
  layer: [
    { name: "f", content: "x", uid: 1000, gid: 1001, uname: "root", gname: "root" },
    { name: "p", content: "x", uid: 1000, gid: 1001, pax: { uname: "root", gname: "shadow" } },
  ],
  tree: { "f": "file 0644 1000:1001", "p": "file 0644 1000:1001" },
});
hostile({
  name: "C23 flags of other systems are left out: the file can be written and removed",
  layer: [{ name: "f", content: "x", pax: { "SCHILY.fflags": "schg,sappnd,immutable,append" } }],
  tree: { "f": "file 0644" },
  also: (place) => {
    assertEquals(listing(place.root).get("f")?.includes("fflags"), false);
    Deno.writeTextFileSync(`${place.root}/f`, "other");
    Deno.removeSync(`${place.root}/f`);
  },
});
hostile({
  name: "C01 a set-id program of root keeps its mode",
  layer: [{ name: "su", content: "x", mode: 0o4755 }, { name: "wall", content: "x", mode: 0o2755 }],
  tree: { "su": "file 4755", "wall": "file 2755" },
});
hostile({
  name: "C03 set-id bits survive the owner, which is set first",
  layer: [{ name: "su", content: "x", mode: 0o6755, uid: 33, gid: 44 }],
  tree: { "su": "file 6755 33:44" },
});
hostile({
  name: "C02 bits beyond the mode are cut",
  layer: [{ name: "f", content: "", mode: 0o107777 }],
  tree: { "f": "file 7777" },
});
hostile({
  name: "C06 a FIFO is never opened",
  layer: [{ name: "p", type: "fifo", mode: 0o622, mtime: "3.5", uid: 2 }],
  tree: { "p": "fifo 0622 2:0 n1 3.500000000" },
});
hostile({
  name: "C11 a capability survives owner and content",
  layer: [{
    name: "cap",
    content: "x".repeat(5000),
    uid: 8,
    mode: 0o755,
    xattrs: { "security.capability": CAPABILITY },
  }],
  also: (place) => assert(listing(place.root).get("cap")?.includes(" security.capability=")),
});
hostile({
  name: "C13 C14 attributes that nobody may have",
  layer: [
    { name: "f", content: "", xattrs: { "trusted.foo": "1", "user.ok": "1" } },
    { name: "s", target: "f", xattrs: { "user.no": "1" } },
    { name: "p", type: "fifo", xattrs: { "user.no": "1" } },
  ],
  also: (place) => {
    const seen = listing(place.root);
    assert(seen.get("f")?.endsWith(" user.ok=1"));
    assert(!seen.get("s")?.includes("user.no"));
    assert(!seen.get("p")?.includes("user.no"));
  },
});
hostile({
  name: "C19 times beyond the file system's are clamped and counted",
  layer: [
    { name: "old", content: "", pax: { mtime: "-1.5" } },
    { name: "far", content: "", pax: { mtime: "253402300799" } },
    { name: "never", content: "", pax: { mtime: "9223372036854775807" } },
  ],
  tree: { "old": "file 0644 0:0 n1 -2.500000000" },
  also: (place, report) => {
    const lines = [...listing(place.root)].filter(([path]) => path === "far" || path === "never");
    const kept = lines.filter(([, line]) => line.includes("253402300799.0")).length;
    assert((report?.dropped.time ?? 0) >= 1);
    assertEquals(report?.dropped.time, 2 - kept);
  },
});
hostile({
  name: "C21 a directory becomes a link to the victim",
  layer: [
    { name: "d/", mode: 0o777, mtime: 1 },
    { name: "d/f", content: "" },
    { name: "d", target: "../victim", mtime: 2 },
  ],
  tree: { "d": "symlink 0777 0:0 n1 2.0" },
});
hostile({
  name: "C22 a closed directory with files",
  layer: [{ name: "d/", mode: 0 }, { name: "d/f", content: "f" }],
  tree: { "d": "directory 0000", "d/f": "file" },
});
hostile({
  name: "D26 duplicates: the last wins, a directory loses what it had",
  layer: [
    { name: "a", content: "1" },
    { name: "a", content: "22" },
    { name: "d/x", content: "" },
    { name: "d", content: "now a file" },
  ],
  tree: { "a": "file 0644 0:0 n1 1577836800.000000000 2 ", "d": "file", "d/x": null },
});
hostile({
  name: "D29 two names that differ in bytes only",
  layer: [
    { name: new Uint8Array([0x61, 0xff]), content: "ff" },
    { name: new Uint8Array([0x61, 0xfe]), content: "f" },
  ],
  tree: { "a\\xff": "file", "a\\xfe": "file" },
});
hostile({
  name: "D30 control characters in names",
  layer: [{ name: "a\u001b[2Jb", content: "" }, { name: "a\nb", content: "" }],
  tree: { "a\\x1b[2Jb": "file", "a\\x0ab": "file" },
});

expectRaces();
