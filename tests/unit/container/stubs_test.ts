import { assertEquals, assertThrows } from "@std/assert";
import type { ByteString } from "../../../lib/bytes/mod.ts";
import { type Look, resolveInside } from "../../../lib/container/root/resolve.ts";
import { planStubs, type Want } from "../../../lib/container/root/stubs.ts";
import { VarveError } from "../../../lib/errors.ts";

/** A root as paths: `/` for a directory, a text for a link, nothing for a file. */
function look(root: Readonly<Record<string, string>>): Look {
  return (path) => {
    const node = root[path];
    if (node === undefined) return undefined;
    if (node === "/") return { type: "directory" };
    return node === "" ? { type: "file" } : { type: "symlink", target: node as ByteString };
  };
}

const ROOT = look({
  "/a": "/",
  "/a/b": "/",
  "/a/f": "",
  "/a/up": "../..",
  "/abs": "/a/b",
  "/rel": "a/./b/",
  "/out": "../../../a",
  "/dangling": "/x/y",
  "/loop": "loop",
  "/run": "/var/run",
  "/var": "/",
  "/var/run": "/",
});

const resolved: [string, string, number][] = [
  ["/", "/", 0],
  ["", "/", 0],
  ["/a/b", "/a/b", 0],
  ["//a/.//b/", "/a/b", 0],
  ["/abs/c", "/a/b/c", 1],
  ["/rel/c/d", "/a/b/c/d", 2],
  ["/out/b", "/a/b", 0],
  ["/a/up/a", "/a", 0],
  ["/../../a", "/a", 0],
  ["/dangling/z", "/x/y/z", 3],
  ["/x/../a", "/a", 0],
  ["/x/y/../z", "/x/z", 2],
  ["/run/new", "/var/run/new", 1],
];
for (const [path, expected, missing] of resolved) {
  Deno.test(`resolveInside: ${path || "(empty)"} is ${expected}`, () => {
    const place = resolveInside(path as ByteString, ROOT);
    assertEquals([place.path as string, place.missing], [expected, missing]);
    assertEquals(place.found === undefined, missing > 0);
  });
}

Deno.test("resolveInside: a loop, and a file on the way", () => {
  for (const [path, code] of [["/loop/x", "E_LOOP"], ["/a/f/x", "E_NOT_DIR"]]) {
    const error = assertThrows(() => resolveInside(path as ByteString, ROOT), VarveError);
    assertEquals(error.code, code);
  }
});

Deno.test("resolveInside: forty links are followed, one more is a loop", () => {
  const chain = (length: number): Look => (path) => {
    const at = Number(path.slice(2));
    return at < length
      ? { type: "symlink", target: `l${at + 1}` as ByteString }
      : { type: "directory" };
  };
  assertEquals(resolveInside("/l0" as ByteString, chain(40)).path as string, "/l40");
  assertThrows(() => resolveInside("/l0" as ByteString, chain(41)), VarveError);
});

function plan(...wants: [string, Want["type"]][]): [string, string][] {
  return planStubs(wants.map(([path, type]) => ({ path: path as ByteString, type })), ROOT)
    .stubs.map(({ path, type }) => [path, type]);
}

Deno.test("planStubs: only what is missing, parents first, each once", () => {
  assertEquals(plan(["/a/b", "directory"], ["/a/f", "file"]), []);
  assertEquals(plan(["/n/m/f", "file"], ["/n/m/g", "file"], ["/n", "directory"]), [
    ["/n", "directory"],
    ["/n/m", "directory"],
    ["/n/m/f", "file"],
    ["/n/m/g", "file"],
  ]);
  assertEquals(plan(["/dangling", "file"]), [["/x", "directory"], ["/x/y", "file"]]);
});

Deno.test("planStubs: nothing in file systems of the kernel, but their mount points", () => {
  assertEquals(plan(["/proc", "directory"], ["/proc/x/y", "file"], ["/dev/init", "file"]), [
    ["/proc", "directory"],
    ["/dev", "directory"],
  ]);
  assertEquals(plan(["/process", "directory"]), [["/process", "directory"]]);
});

Deno.test("planStubs: a directory below a wanted file is refused", () => {
  const error = assertThrows(() => plan(["/n", "file"], ["/n/m", "directory"]), VarveError);
  assertEquals(error.code, "E_NOT_DIR");
});
