/** The directory that a backup fills, while another process backs up to the same place. */
import { assertEquals, assertRejects } from "@std/assert";
import { fromText } from "../../../../lib/bytes/mod.ts";
import { CWD, openDirectoryAt, ownFd } from "../../../../lib/linux/mod.ts";
import { makeUnfinished } from "../../../../lib/upkeep/backup/temporary.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

/** What another process does with a directory that it takes for left over: it locks it, then removes it. */
function takeAway(path: string): void {
  using directory = ownFd(openDirectoryAt(CWD, fromText(path)));
  directory.lock("exclusive");
  Deno.removeSync(path);
}

/** Whether a lock of the directory is held. */
function isLocked(path: string): boolean {
  using directory = ownFd(openDirectoryAt(CWD, fromText(path)));
  return !directory.lock("exclusive");
}

Deno.test("a backup makes its directory again that another process took for left over", async () => {
  await using temp = await tempDir();
  const { mkdir } = Deno;
  const taken: string[] = [];
  using held = new DisposableStack();
  Deno.mkdir = async (path, options) => {
    await mkdir(path, options);
    taken.push(String(path));
    // Once removed before it is locked, once locked by the other process, which removes it later.
    if (taken.length === 1) takeAway(String(path));
    if (taken.length === 2) {
      const directory = held.use(ownFd(openDirectoryAt(CWD, fromText(String(path)))));
      directory.lock("exclusive");
    }
  };
  try {
    await using unfinished = await makeUnfinished(temp.join("backup"));
    assertEquals(taken.length, 3);
    assertEquals(unfinished.path, taken[2]);
    assertEquals(isLocked(unfinished.path), true);
    await unfinished.finish();
    assertEquals((await Deno.stat(temp.join("backup"))).isDirectory, true);
  } finally {
    Deno.mkdir = mkdir;
  }
});

Deno.test("a backup begins while another one to the same place ends", async () => {
  await using temp = await tempDir();
  const { readDir } = Deno;
  await Deno.mkdir(temp.join(".backup.varve-1"));
  Deno.readDir = (path) => {
    const entries = Array.fromAsync(readDir(path));
    return (async function* () {
      for (const entry of await entries) {
        if (entry.name === ".backup.varve-1") {
          await Deno.rename(temp.join(entry.name), temp.join("other"));
        }
        yield entry;
      }
    })();
  };
  try {
    await using unfinished = await makeUnfinished(temp.join("backup"));
    assertEquals(isLocked(unfinished.path), true);
  } finally {
    Deno.readDir = readDir;
  }
});

Deno.test("a directory that cannot be removed is not locked any more", async () => {
  await using temp = await tempDir();
  const { remove } = Deno;
  const unfinished = await makeUnfinished(temp.join("backup"));
  Deno.remove = () => Promise.reject(new Error("Input/output error (os error 5)"));
  try {
    await assertRejects(
      () => Promise.resolve(unfinished[Symbol.asyncDispose]()),
      Error,
      "os error 5",
    );
  } finally {
    Deno.remove = remove;
  }
  assertEquals(isLocked(unfinished.path), false);
});
