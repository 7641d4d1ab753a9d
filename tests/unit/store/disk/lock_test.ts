import { assertEquals } from "@std/assert";
import { openStore } from "../../../../lib/store/mod.ts";
import { FileLock } from "../../../../lib/store/disk/lock.ts";
import { commandOn } from "../../../support/cli/in_process.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";
import { tarOf } from "../../../support/tar/tar_fixture.ts";

/** Lets no file be unlocked until the result is disposed. */
function failingUnlocks(): Disposable {
  const { unlockSync } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.unlockSync = () => {
    throw new Deno.errors.Interrupted("Interrupted system call (os error 4)");
  };
  return { [Symbol.dispose]: () => void (Deno.FsFile.prototype.unlockSync = unlockSync) };
}

Deno.test("a lock that cannot be unlocked is freed when its file is closed", async () => {
  await using temp = await tempDir();
  const path = temp.join("lock");
  const lock = await FileLock.acquire(path);
  {
    using _ = failingUnlocks();
    lock.release();
    lock.release();
  }
  using again = await FileLock.tryAcquire(path);
  assertEquals(again !== undefined, true);
});

Deno.test("a commit that fails leaves no blob, although the lock of the store cannot be unlocked", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  const varve = commandOn(root);
  await Deno.writeFile(temp.join("app.tar"), tarOf([{ name: "a" }]));
  assertEquals((await varve(["import", temp.join("app.tar"), "app:1"])).code, 0);
  const blobs = async () => {
    const found = Deno.readDir(`${root}/content/blobs/sha256`);
    return (await Array.fromAsync(found, ({ name }) => name)).toSorted();
  };
  const before = await blobs();
  const { rename } = Deno;
  let placed = 0;
  Deno.rename = async (from, to) => {
    if (String(to).includes("/content/blobs/") && ++placed === 2) {
      throw new Deno.errors.Interrupted("Interrupted system call (os error 4)");
    }
    return await rename(from, to);
  };
  try {
    using _ = failingUnlocks();
    const { code, stderr } = await varve(["mutate", "app:1", "app:2", "--user", "7"]);
    assertEquals(code, 12, stderr);
  } finally {
    Deno.rename = rename;
  }
  assertEquals(placed, 2);
  await using _ = await openStore({ root });
  assertEquals(await blobs(), before);
});
