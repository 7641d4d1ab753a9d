/** A rebuild that dies at any point leaves a database that opens, or one whose error names the rebuild. */
import { assert, assertEquals } from "@std/assert";
import { VarveError } from "../../lib/errors.ts";
import { openStore, rebuildStore } from "../../lib/store/mod.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { namesIn } from "../support/trees/names_in.ts";
import "../support/machine/needs.ts";

/** The calls by which a rebuild changes names. */
const CALLS = ["link", "rename", "remove"] as const;

/** Runs a function whose N-th change of a name fails, and each after it. Returns whether it came to that. */
async function dyingAt(n: number, fn: () => Promise<unknown>): Promise<boolean> {
  const own = CALLS.map((name) => [name, Deno[name]] as const);
  let left = n;
  for (const [name, call] of own) {
    // deno-lint-ignore no-explicit-any
    (Deno as any)[name] = (...args: any[]) => {
      if (--left <= 0) throw new Error("died");
      // deno-lint-ignore no-explicit-any
      return (call as any)(...args);
    };
  }
  try {
    await fn();
    return false;
  } catch (error) {
    if (left > 0) throw error;
    return true;
  } finally {
    // deno-lint-ignore no-explicit-any
    for (const [name, call] of own) (Deno as any)[name] = call;
  }
}

/** Makes a store whose last setting is only in the log of the database, as after a kill. */
async function storeWithLog(root: string, files: string): Promise<void> {
  assertEquals((await commandOn(root)(["import", files, "app:1"])).code, 0);
  const ends = ["", "-wal"];
  {
    await using store = await openStore({ root });
    store.settings.set("workers", "3");
    for (const end of ends) await Deno.copyFile(`${root}/meta.db${end}`, `${files}/copy${end}`);
  }
  for (const end of ends) await Deno.rename(`${files}/copy${end}`, `${root}/meta.db${end}`);
}

async function isWhole(root: string): Promise<void> {
  await using store = await openStore({ root, onWarning: (text) => assert(false, text) });
  assertEquals(store.settings.get("workers"), "3");
  assertEquals(store.images.list().map(({ name }) => name), ["docker.io/library/app:1"]);
  assertEquals(namesIn(root).filter((name) => name.startsWith("meta.db.new")), []);
}

Deno.test("fsck --rebuild: at each moment a sound database stands there", async () => {
  for (let n = 1;; n++) {
    await using temp = await tempDir();
    const root = temp.join("store");
    await Deno.mkdir(temp.join("files"));
    await storeWithLog(root, temp.join("files"));
    const hasDied = await dyingAt(n, () => rebuildStore(root));
    await isWhole(root);
    await rebuildStore(root);
    await isWhole(root);
    if (!hasDied) {
      assert(n > 3);
      break;
    }
  }
});

Deno.test("fsck --rebuild: a damaged database is refused until the new one stands there", async () => {
  for (let n = 1;; n++) {
    await using temp = await tempDir();
    const root = temp.join("store");
    await Deno.mkdir(temp.join("files"));
    await storeWithLog(root, temp.join("files"));
    {
      using file = await Deno.open(`${root}/meta.db`, { write: true });
      await file.write(new TextEncoder().encode("no database"));
    }
    if (!await dyingAt(n, () => rebuildStore(root))) break;
    try {
      await using store = await openStore({ root });
      assertEquals(store.images.list().length, 1);
    } catch (error) {
      assert(error instanceof VarveError && error.code === "E_DB", String(error));
      assertEquals(error.details.hint, "make it again from the files; nothing in it was changed");
    }
    await rebuildStore(root);
    await using store = await openStore({ root });
    assertEquals(store.images.list().length, 1);
  }
});

Deno.test("fsck --rebuild: the log of a database that is gone is not applied to the new one", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  await Deno.mkdir(temp.join("files"));
  await storeWithLog(root, temp.join("files"));
  await Deno.remove(`${root}/meta.db`);
  const { kept } = await rebuildStore(root);
  assertEquals(kept, `${root}/meta.db.damaged-1`);
  await Deno.lstat(`${root}/meta.db.damaged-1-wal`);
  await using store = await openStore({ root });
  assertEquals(store.images.list().length, 1);
});
