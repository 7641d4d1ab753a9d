import { assertEquals } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { addInitLayer, hasInitLayer } from "../../../lib/container/root/init_layer.ts";
import type { Want } from "../../../lib/container/root/stubs.ts";
import { CWD, openDirectoryAt, ownFd } from "../../../lib/linux/mod.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

/** Mode and time in seconds of each path below a directory. */
async function census(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const visit = async (path: string): Promise<void> => {
    const { mode, mtime, isDirectory } = await Deno.lstat(path);
    const bits = ((mode ?? 0) & 0o7777).toString(8);
    found[path.slice(directory.length) || "/"] = `${bits} ${(mtime?.getTime() ?? 0) / 1000}`;
    if (!isDirectory) return;
    for await (const { name } of Deno.readDir(path)) await visit(`${path}/${name}`);
  };
  await visit(directory);
  return found;
}

Deno.test("an init layer appears whole, and gets more stubs without losing those it has", async () => {
  await using temp = await tempDir();
  const merged = temp.join("merged"), init = temp.join("init");
  await Deno.mkdir(`${merged}/etc`, { recursive: true });
  await Deno.chmod(`${merged}/etc`, 0o751);
  await Deno.utime(`${merged}/etc`, 5, 5);
  await Deno.utime(merged, 7, 7);
  const add = async (run: string, stubs: readonly Want[]): Promise<void> => {
    const scratch = temp.join(run);
    await Deno.mkdir(scratch);
    using root = ownFd(openDirectoryAt(CWD, fromText(merged)));
    await addInitLayer({ init, scratch, merged: root.fd, stubs });
  };

  assertEquals(await hasInitLayer(init), false);
  await add("first", [
    { path: fromText("/etc/hosts"), type: "file" },
    { path: fromText("/work"), type: "directory" },
  ]);
  const first = {
    "/": "755 7",
    "/etc": "751 5",
    "/etc/hosts": "644 5",
    "/work": "755 7",
  };
  assertEquals(await census(init), first);
  assertEquals(await Array.fromAsync(Deno.readDir(temp.join("first"))), []);

  await add("second", [{ path: fromText("/etc/more"), type: "file" }]);
  assertEquals(await census(init), { ...first, "/etc/more": "644 5" });
  // The layer of before is left where it goes away with the run.
  assertEquals(await census(temp.join("second/init")), first);
});
