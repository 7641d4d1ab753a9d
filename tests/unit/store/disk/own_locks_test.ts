/**
 * Locks of SQLite belong to the process: fcntl(2) drops all that a process has on a file when it closes any descriptor
 * of that file. An open store must keep them, whatever else this process does with the same store.
 */
import { assertEquals, assertRejects } from "@std/assert";
import { copyDatabase } from "../../../../lib/store/disk/database/copy.ts";
import { openStore } from "../../../../lib/store/mod.ts";
import { run } from "../../../support/machine/process.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";
import "../../../support/machine/needs.ts";

/** What a process may do with a store that it has open. */
const USES: Readonly<Record<string, (root: string) => Promise<void> | void>> = {
  "nothing": () => {},
  "opens it again": async (root) => {
    await using _ = await openStore({ root });
  },
  "opens it again at the same time, twice": async (root) => {
    const stores = await Promise.all([openStore({ root }), openStore({ root })]);
    for (const store of stores) await store[Symbol.asyncDispose]();
  },
  "copies its database": (root) => void copyDatabase(`${root}/meta.db`, true),
  "reads its file, in another thread": async (root) => {
    const worker = new Worker(new URL("own_locks_worker.ts", import.meta.url), { type: "module" });
    const done = new Promise((resolve) => worker.onmessage = resolve);
    worker.postMessage(`${root}/meta.db`);
    await done;
    worker.terminate();
  },
};

/** Takes a database for itself, as is done to copy it on a full disk. At its end it would remove the log. */
const TAKE = `
  import { DatabaseSync } from "node:sqlite";
  const db = new DatabaseSync(Deno.args[0], { timeout: 1 });
  try {
    db.prepare("PRAGMA locking_mode = EXCLUSIVE").get();
    db.prepare("SELECT count(*) FROM blob").get();
    console.log("taken");
  } catch (error) {
    console.log(error.message);
  }
  db.close();
`;

/** A descriptor of which fstat(2) fails, as of a file on a mount whose server ended. */
async function descriptorOfDeadProcess(): Promise<Deno.FsFile> {
  const child = new Deno.Command("sleep", { args: ["infinity"] }).spawn();
  const file = await Deno.open(`/proc/${child.pid}/fd`);
  child.kill("SIGKILL");
  await child.status;
  return file;
}

for (const [title, use] of Object.entries(USES)) {
  Deno.test(`an open store keeps its locks while its process does with it: ${title}`, async () => {
    await using temp = await tempDir();
    const root = temp.join("store");
    // Now the database is more than its log.
    await (await openStore({ root }))[Symbol.asyncDispose]();
    await using store = await openStore({ root });
    await use(root);
    const program = temp.join("take.js");
    await Deno.writeTextFile(program, TAKE);
    const { stdout } = await run([Deno.execPath(), "run", "-A", program, `${root}/meta.db`]);
    assertEquals(stdout.trim(), "database is locked");
    store.settings.set("workers", "3");
    assertEquals(store.settings.get("workers"), "3");
  });
}

Deno.test("a descriptor of the process that cannot be described is no obstacle to an open", async () => {
  await using temp = await tempDir();
  using gone = await descriptorOfDeadProcess();
  await assertRejects(() => gone.stat());
  // The descriptors of a store come after it, and a second open looks through all of them.
  await using store = await openStore({ root: temp.join("store") });
  await using again = await openStore({ root: temp.join("store") });
  assertEquals(again.root, store.root);
});
