/** A backup to a disk that is full at its end. */
import { assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../../../lib/errors.ts";
import { importImage } from "../../../../lib/image/mod.ts";
import { createPool } from "../../../../lib/pool/mod.ts";
import { type DiskStore, openStore } from "../../../../lib/store/mod.ts";
import { backupStore } from "../../../../lib/upkeep/mod.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

const NAME = "example.org/a:1";

/** Makes the writing of a new `index.json` fail so many times, except that of the store itself. */
function fullDisk(store: DiskStore, times: number): Disposable {
  const { openSync } = Deno;
  let left = times;
  Deno.openSync = (path, options) => {
    const isIndex = String(path).endsWith("/ingest/index.json") &&
      !String(path).startsWith(`${store.root}/`);
    if (!isIndex || left-- <= 0) return openSync(path, options);
    throw new Error(`No space left on device (os error 28): open '${path}'`);
  };
  return { [Symbol.dispose]: () => void (Deno.openSync = openSync) };
}

async function storeOfOne(root: string): Promise<DiskStore> {
  await using pool = createPool({ inline: true });
  const store = await openStore({ root });
  const tar = new Blob([new Uint8Array(1024)]).stream();
  const platform = { os: "linux", architecture: "amd64" };
  await importImage(store, tar, { name: NAME, platform, pool });
  return store;
}

Deno.test("a backup has index.json also if the disk was full for a moment", async () => {
  await using temp = await tempDir();
  await using store = await storeOfOne(temp.join("store"));
  {
    using _ = fullDisk(store, 1);
    await backupStore(store, temp.join("backup"));
  }
  const { manifests } = JSON.parse(
    await Deno.readTextFile(temp.join("backup/content/index.json")),
  );
  assertEquals(manifests.length, 1);
});

Deno.test("a backup fails that has no space for index.json, and leaves nothing", async () => {
  await using temp = await tempDir();
  await using store = await storeOfOne(temp.join("store"));
  {
    using _ = fullDisk(store, Infinity);
    const error = await assertRejects(
      () => backupStore(store, temp.join("backup")),
      VarveError,
      "Cannot write index.json",
    );
    assertEquals([error.code, error.details.errno], ["E_SYSCALL", "ENOSPC"]);
  }
  const names = (await Array.fromAsync(Deno.readDir(temp.path))).map(({ name }) => name);
  assertEquals(names, ["store"]);
  await backupStore(store, temp.join("backup"));
});
