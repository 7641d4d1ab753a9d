/** What remains of the work of a containerd and of the varve behind it. */
import { assertEquals, assertMatch } from "@std/assert";
import { mountsBelow } from "../machine/census.ts";
import type { ServedContainerd } from "./served_containerd.ts";

/** Lets containerd collect: a removal with `--sync` waits for it. */
export async function collect(served: ServedContainerd): Promise<void> {
  await served.text(["content", "prune", "references"]);
  await served.text(["leases", "create", "--id", "last"]);
  await served.text(["leases", "delete", "--sync", "last"]);
}

/** Checks that a store is empty, but for what gc itself would keep. */
export async function nothingIn(served: ServedContainerd): Promise<void> {
  const { varve, root } = served;
  assertEquals(await varve.json(["snapshot", "ls"]), []);
  // A layer that a diff made is kept for some minutes.
  for (const { id, expires } of await varve.json(["lease", "ls"])) {
    assertMatch(id, /^containerd-layer-/);
    assertEquals(typeof expires, "string", id);
    await varve.text(["lease", "rm", id]);
  }
  await varve.text(["gc"]);
  assertEquals(await mountsBelow(root), []);
  for (const directory of ["layers", "snapshots", "chains", "trash", "mounts"]) {
    assertEquals(await namesIn(`${root}/${directory}`), [], directory);
  }
  assertEquals(await varve.json(["lease", "ls"]), []);
  assertEquals((await varve.any(["fsck", "--deep"])).code, 0);
}

/** Names in a directory, sorted. */
export async function namesIn(directory: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();
}

/** Command lines of the processes that have a word, such as the path of a test's directory, in theirs. */
export async function processesOf(word: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await namesIn("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    // A process may end meanwhile.
    const line = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "");
    if (line.includes(word)) found.push(line.replaceAll("\0", " ").trim());
  }
  return found;
}
