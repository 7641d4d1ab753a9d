import { assertEquals } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { addStubs, readStubs, type Stub } from "../../../lib/directory/stubs.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

/** The names that are synced, and those that a rename gives, in their order. */
async function callsOf(act: () => Promise<void>): Promise<string[]> {
  const calls: string[] = [];
  const { open, rename } = Deno;
  const { sync } = Deno.FsFile.prototype;
  const paths = new WeakMap<Deno.FsFile, string>();
  const last = (path: string | URL | undefined) => String(path).split("/").at(-1);
  Deno.open = async (path, options) => {
    const file = await open(path, options);
    paths.set(file, String(path));
    return file;
  };
  Deno.FsFile.prototype.sync = function () {
    calls.push(`sync ${last(paths.get(this))}`);
    return sync.call(this);
  };
  Deno.rename = (from, to) => {
    calls.push(`rename ${last(to)}`);
    return rename(from, to);
  };
  try {
    await act();
  } finally {
    Object.assign(Deno, { open, rename });
    Deno.FsFile.prototype.sync = sync;
  }
  return calls;
}

Deno.test("P3: the list of stubs is synced before it has its name, and then its directory", async () => {
  await using temp = await tempDir();
  await Deno.mkdir(temp.join("7"));
  await Deno.mkdir(temp.join("scratch"));
  const stubs: Stub[] = [{ path: fromText("/proc"), type: "directory" }];
  const add = (more: Stub[], durability: "full" | "none") => () =>
    addStubs(temp.join("7"), more, temp.join("scratch"), durability);
  assertEquals(await callsOf(add(stubs, "full")), ["sync stubs", "rename stubs", "sync 7"]);
  assertEquals(await callsOf(add(stubs, "full")), []);
  const file: Stub = { path: fromText("/etc/hosts"), type: "file" };
  assertEquals(await callsOf(add([file], "none")), ["rename stubs"]);
  assertEquals(await readStubs(temp.join("7")), [...stubs, file]);
});
