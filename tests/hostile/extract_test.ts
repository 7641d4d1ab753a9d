// Hostile layers, extracted as root beside victims; each case once quietly and once against a
// thread that swaps directories for links to the victim while the extraction runs.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromText } from "../../lib/bytes/mod.ts";
import { exitCode, VarveError } from "../../lib/errors.ts";
import {
  bindMount,
  fileSystemOf,
  openRoot,
  overlayMount,
  ownFd,
  performMount,
  performUnmount,
} from "../../lib/linux/mod.ts";
import type { ExtractReport } from "../../lib/snapshot/extract/mod.ts";
import { type Arena, arena, layerOf, listing, verdictOf } from "../support/extraction.ts";
import { Racer } from "../support/racer.ts";
import { needs } from "../support/require.ts";
import { CAPABILITY } from "../support/sample.ts";
import type { TarFixture } from "../support/tar_builder.ts";

const root = needs({ root: true });
const mount = needs({ root: true, mount: true });

let racer: Racer | undefined;
if (!root.ignore) {
  racer = new Racer();
  await racer.ready();
}
Deno.test.afterAll(() => racer?.[Symbol.dispose]());

/** What all races came to. */
let swaps = 0;
const outcomes = new Set<string>();

/** What an extraction may end in when its directories are swapped meanwhile. */
const RACED: readonly string[] = ["ok", "E_PATH_ESCAPE", "E_SYSCALL", "E_XDEV", "E_EXISTS"];

interface Case {
  readonly name: string;
  readonly layer: readonly TarFixture[];
  /** The verdict; `ok` by default. */
  readonly verdict?: string;
  /** Beginnings of the lines that the listing must have, by path; `null` for a path that must be absent. */
  readonly tree?: Readonly<Record<string, string | null>>;
  /** More to look at after the quiet run. */
  readonly also?: (place: Arena, report: ExtractReport | undefined) => void;
}

function hostile({ name, layer, verdict = "ok", tree = {}, also }: Case): void {
  Deno.test({
    name,
    ...root,
    fn: async () => {
      await using place = await arena();
      let report: ExtractReport | undefined;
      const outcome = verdictOf(() => report = place.extract([layerOf(layer)]));
      assertEquals(outcome, verdict);
      assertEquals(place.damage(), []);
      const seen = listing(place.root);
      for (const [path, line] of Object.entries(tree)) {
        const found = seen.get(path) ?? null;
        const start = line === null ? found : found?.slice(0, line.length);
        assertEquals(start, line, `${path}: ${found}`);
      }
      if (outcome !== "ok") assertEquals([...seen.keys()], ["."]);
      also?.(place, report);
    },
  });
  if (verdict !== "ok") return;
  Deno.test({
    name: `${name} (with a racer)`,
    ...root,
    fn: async () => {
      await using place = await arena();
      // Enough directories that the racer always finds one to swap.
      const bait = Array.from({ length: 20 }, (_, i): TarFixture => ({
        name: `bait/${i}/f`,
        content: "bait",
        uid: 1,
        mode: 0o4777,
        xattrs: { "user.bait": "1" },
      }));
      const raced = layerOf([...layer, ...bait]);
      racer?.start(place.root, place.victim);
      const outcome = verdictOf(() => place.extract([raced]));
      swaps += racer?.stop() ?? 0;
      outcomes.add(outcome);
      assert(RACED.includes(outcome), outcome);
      assertEquals(place.damage(), []);
    },
  });
}

const refused = (name: string, verdict: string, ...layer: TarFixture[]) =>
  hostile({ name, layer, verdict });

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

Deno.test({
  name: "A41 the root is swapped for a link while it is extracted into",
  ...root,
  fn: async () => {
    await using place = await arena();
    const many = Array.from({ length: 2000 }, (_, i): TarFixture => ({
      name: `d${i % 50}/f${i}`,
      content: "x",
    }));
    let swapped = false;
    const aside = place.temp.join("aside");
    const report = place.extract([layerOf(many)], {
      checkpoint: () => {
        if (swapped) return;
        swapped = true;
        Deno.renameSync(place.root, aside);
        Deno.symlinkSync(place.victim, place.root);
      },
    });
    assert(swapped);
    assertEquals(report.files, 2000);
    await Deno.remove(place.root);
    await Deno.rename(aside, place.root);
    assertEquals(place.damage(), []);
    assertEquals(listing(place.root).size, 1 + 50 + 2000);
  },
});

Deno.test({
  name: "A43 a mount inside the root",
  ...mount,
  fn: async () => {
    for (const layer of [[{ name: "mnt/" }], [{ name: "mnt/x", content: "x" }]]) {
      await using place = await arena();
      await Deno.mkdir(`${place.root}/mnt`);
      performMount(bindMount(fromText(place.victim)), fromText(`${place.root}/mnt`));
      assertEquals(verdictOf(() => place.extract([layerOf(layer)])), "E_XDEV");
      await new Deno.Command("umount", { args: [`${place.root}/mnt`] }).output();
      assertEquals(place.damage(), []);
    }
  },
});

Deno.test({
  name: "A43 a mount that appears during the extraction",
  ...mount,
  fn: async () => {
    await using place = await arena();
    const layer = layerOf(
      Array.from({ length: 600 }, (_, i) => ({ name: `d${i}/f`, content: "x" })),
    );
    let mounted = false;
    const checkpoint = () => {
      if (mounted) return;
      mounted = true;
      performMount(bindMount(fromText(place.victim)), fromText(`${place.root}/d0`));
    };
    assertEquals(verdictOf(() => place.extract([layer], { checkpoint })), "E_XDEV");
    await new Deno.Command("umount", { args: [`${place.root}/d0`] }).output();
    assertEquals(place.damage(), []);
  },
});

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
  name: "C01 C03 set-id bits survive the owner",
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

Deno.test({
  name: "A38 B05 B09 B17 layers as overlay shows them",
  ...mount,
  fn: async () => {
    await using place = await arena();
    const lower = layerOf([
      { name: "etc/" },
      { name: "etc/gone", content: "" },
      { name: "localetc", target: "etc" },
      { name: "lib", target: "usr/lib" },
      { name: "usr/lib/a", content: "a" },
      { name: "opq/" },
      { name: "opq/old", content: "" },
    ]);
    const upper = layerOf([
      { name: "etc/.wh.gone" },
      { name: "etc/.wh.never" },
      { name: ".wh.nothing" },
      { name: "only/here/.wh.x" },
      { name: ".wh.localetc" },
      { name: "lib/x", content: "x" },
      { name: "opq/.wh..wh..opq" },
      { name: "opq/.wh.old" },
      { name: "opq/new", content: "" },
    ]);
    const targets = ["0", "1"].map((name) => place.temp.join(name));
    for (const [i, layer] of [lower, upper].entries()) {
      await Deno.mkdir(targets[i] as string);
      place.extract([layer], { target: fromText(targets[i] as string) });
    }
    await Deno.mkdir(place.temp.join("merged"));
    const merged = fromText(place.temp.join("merged"));
    performMount(overlayMount({ lowers: targets.toReversed().map(fromText) }), merged);
    const paths = [...listing(place.temp.join("merged")).keys()];
    performUnmount(merged);
    assertEquals(paths.sort(), [
      ".",
      "etc",
      "lib",
      "lib/x",
      "only",
      "only/here",
      "opq",
      "opq/new",
      "usr",
      "usr/lib",
      "usr/lib/a",
    ]);
    // A lower alone, as the only one below an upper, shows no broken entries either.
    await Deno.mkdir(place.temp.join("up"));
    await Deno.mkdir(place.temp.join("work"));
    const own = {
      directory: fromText(place.temp.join("up")),
      work: fromText(place.temp.join("work")),
    };
    performMount(overlayMount({ lowers: [fromText(targets[1] as string)], upper: own }), merged);
    const alone = [...listing(place.temp.join("merged")).keys()];
    performUnmount(merged);
    assertEquals(alone.sort(), [".", "etc", "lib", "lib/x", "only", "only/here", "opq", "opq/new"]);
  },
});

Deno.test({
  name: "C18 a file system without extended attributes",
  ...mount,
  fn: async () => {
    await using place = await arena();
    const target = fromText(place.root);
    performMount({ type: "ramfs", source: fromText("ramfs"), options: [] }, target);
    const layer = layerOf([{ name: "f", content: "x", xattrs: { "user.a": "1" } }]);
    const error = assertThrows(() => place.extract([layer]), VarveError, "ramfs");
    assertEquals([exitCode(error), error.details.errno], [12, "ENOTSUP"]);
    await Deno.remove(`${place.root}/f`);
    const policy = {
      whiteouts: "none",
      owners: "caller",
      devices: "skip",
      rootless: true,
    } as const;
    assertEquals(place.extract([layer], { policy }).dropped["xattr-unsupported"], 1);
    performUnmount(target);
  },
});

Deno.test({
  name: "D27 more hard links than the file system takes",
  ...root,
  fn: async () => {
    await using place = await arena();
    const links = Array.from({ length: 65_010 }, (_, i): TarFixture => ({
      name: `l${i}`,
      type: "hardlink",
      target: "f",
    }));
    const layer = layerOf([{ name: "f", content: "x" }, ...links]);
    using target = ownFd(openRoot(fromText(place.root)));
    if (fileSystemOf(target.fd).type === "ext4") {
      const error = assertThrows(() => place.extract([layer]), VarveError, "too many links");
      assertEquals([exitCode(error), error.details.errno], [12, "EMLINK"]);
    } else {
      assertEquals(place.extract([layer]).links, links.length);
    }
  },
});

Deno.test({
  name: "P6 a full file system is one clear error",
  ...mount,
  fn: async () => {
    for (const option of ["size=256k", "nr_inodes=20"]) {
      await using place = await arena();
      const target = fromText(place.root);
      performMount({ type: "tmpfs", source: fromText("t"), options: [option] }, target);
      const layer = layerOf(
        Array.from({ length: 40 }, (_, i) => ({ name: `f${i}`, content: "x".repeat(10_000) })),
      );
      const error = assertThrows(() => place.extract([layer]), VarveError, "no space left");
      assertEquals([exitCode(error), error.details.errno], [12, "ENOSPC"]);
      performUnmount(target);
    }
  },
});

Deno.test({
  name: "the racer did race, and was noticed",
  ...root,
  fn: () => {
    assert(swaps > 1000, `${swaps} swaps`);
    assert(outcomes.has("E_PATH_ESCAPE"), `${swaps} swaps: ${[...outcomes].join()}`);
  },
});
