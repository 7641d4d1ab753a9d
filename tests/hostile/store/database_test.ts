import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { exitCode, VarveError } from "../../../lib/errors.ts";
import { Database } from "../../../lib/store/disk/database/database.ts";
import { migrate, schemaOf } from "../../../lib/store/disk/database/schema.ts";
import { openStore } from "../../../lib/store/mod.ts";
import { filesOf } from "../../conformance/store_judge.ts";
import { prng } from "../../support/prng.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { OLD_IMAGE, writeOldStore } from "../../support/old_stores/old_store.ts";
import "../../support/machine/needs.ts";

async function makeStore(root: string): Promise<void> {
  await using store = await openStore({ root });
  for (let i = 0; i < 400; i++) store.settings.set(`key-${i}`, "value ".repeat(20));
}

async function stateOf(root: string): Promise<string> {
  const files = await filesOf(root);
  const bytes = await Deno.readFile(`${root}/meta.db`);
  return JSON.stringify([
    files,
    new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex(),
  ]);
}

const DAMAGES: Readonly<Record<string, (path: string) => Promise<void> | void>> = {
  "is garbage": (path) => Deno.writeFile(path, prng(1).bytes(8192)),
  "is cut short": (path) => Deno.truncate(path, 4096),
  "is cut within its header": (path) => Deno.truncate(path, 50),
  "has a flipped page": async (path) => {
    const bytes = await Deno.readFile(path);
    bytes.set(prng(2).bytes(4096), 4096 * 3);
    await Deno.writeFile(path, bytes);
  },
  "has a flipped schema": async (path) => {
    const bytes = await Deno.readFile(path);
    bytes.set(
      prng(3).bytes(1000),
      new TextDecoder("latin1").decode(bytes).indexOf("CREATE TABLE blob"),
    );
    await Deno.writeFile(path, bytes);
  },
  "is of a later schema": (path) => {
    using db = new Database(path);
    db.run("PRAGMA user_version = 999");
  },
  "is of another program": (path) => {
    Deno.removeSync(path);
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE theirs (x)");
    db.close();
  },
  "is missing beside layers": async (path) => {
    await Deno.remove(path);
    await Deno.writeFile(path, new Uint8Array());
    await Deno.mkdir(path.replace("meta.db", "layers/7"));
  },
};

for (const [state, damage] of Object.entries(DAMAGES)) {
  Deno.test(`I10: a database that ${state} is refused and left as it is`, async () => {
    await using temp = await tempDir();
    const root = temp.join("store");
    await makeStore(root);
    await damage(`${root}/meta.db`);
    const before = await stateOf(root);
    const error = await assertRejects(() => openStore({ root }), VarveError);
    assertEquals([error.code, exitCode(error)], ["E_DB", 3], error.message);
    assert(error.details.hint !== undefined);
    assertEquals(await stateOf(root), before);
  });
}

/** Copies a store that is open, as it would be after a loss of power: its last transactions are in the WAL only. */
async function crashedCopy(root: string, to: string): Promise<void> {
  await new Deno.Command("cp", { args: ["-a", root, to] }).output();
  assert((await Deno.stat(`${to}/meta.db-wal`)).size > 0);
}

async function settingsOf(root: string): Promise<string[]> {
  await using store = await openStore({ root });
  return Object.keys(store.settings.list()).sort();
}

Deno.test("I10: a WAL that is cut short loses the last transactions, in their order", async () => {
  await using temp = await tempDir();
  const names = Array.from({ length: 20 }, (_, i) => `key-${String(i).padStart(2, "0")}`);
  const crashed = temp.join("crashed");
  {
    await using store = await openStore({ root: temp.join("store") });
    for (const name of names) store.settings.set(name, "value ".repeat(500));
    await crashedCopy(temp.join("store"), crashed);
  }
  const { size } = await Deno.stat(`${crashed}/meta.db-wal`);
  let last = names.length + 1;
  for (const length of [size, size - 1, size - 5000, size / 2, 4152, 33, 32, 31, 1, 0]) {
    const root = temp.join(`cut-${length}`);
    await new Deno.Command("cp", { args: ["-a", crashed, root] }).output();
    await Deno.truncate(`${root}/meta.db-wal`, length);
    const found = await settingsOf(root);
    assertEquals(found, names.slice(0, found.length), `cut to ${length}`);
    assert(found.length <= last, `cut to ${length}: ${found.length}`);
    if (length >= size - 1) assertEquals(found.length, length === size ? 20 : 19);
    last = found.length;
  }
  assertEquals(last, 0);
});

Deno.test("I10: a WAL that is missing loses what came after the last checkpoint", async () => {
  await using temp = await tempDir();
  const [root, crashed] = [temp.join("store"), temp.join("crashed")];
  {
    // The end of the last process is a checkpoint.
    await using store = await openStore({ root });
    store.settings.set("before", "1");
  }
  {
    await using store = await openStore({ root });
    store.settings.set("behind", "1");
    await crashedCopy(root, crashed);
  }
  assertEquals(await settingsOf(root), ["before", "behind"]);
  await Deno.remove(`${crashed}/meta.db-wal`);
  assertEquals(await settingsOf(crashed), ["before"]);
});

Deno.test("I10: a missing or empty WAL that held the whole database is refused beside layers", async () => {
  await using temp = await tempDir();
  const [root, crashed] = [temp.join("store"), temp.join("crashed")];
  {
    await using store = await openStore({ root });
    store.settings.set("key", "1");
    await crashedCopy(root, crashed);
  }
  await Deno.mkdir(`${crashed}/layers/7`);
  const wal = `${crashed}/meta.db-wal`;
  for (const damage of [() => Deno.truncate(wal), () => Deno.remove(wal)]) {
    await damage();
    const before = await stateOf(crashed);
    const error = await assertRejects(() => openStore({ root: crashed }), VarveError);
    assertEquals([error.code, exitCode(error)], ["E_DB", 3], error.message);
    assertEquals(await stateOf(crashed), before);
  }
});

Deno.test("J25: a migration that fails leaves the old schema", async () => {
  await using temp = await tempDir();
  const path = temp.join("a.db");
  using db = new Database(path);
  const first = ["CREATE TABLE one (x TEXT) STRICT", "INSERT INTO one VALUES ('kept')"];
  migrate(db, path, [first]);
  const second = ["ALTER TABLE one ADD COLUMN y TEXT", "CREATE TABLE two (z TEXT) STRICT"];
  const failing = [first, [...second, "INSERT INTO nowhere VALUES (1)"]];
  assertThrows(() => migrate(db, path, failing), VarveError);
  assertEquals(schemaOf(db), 1);
  assertEquals(db.all("SELECT * FROM one").map((row) => ({ ...row as object })), [{ x: "kept" }]);
  migrate(db, path, [first, second]);
  assertEquals(schemaOf(db), 2);
  assertEquals(db.get<{ n: number }>("SELECT count(*) AS n FROM two")?.n, 0);
});

Deno.test("image names from before there were spare ones are kept", async () => {
  await using temp = await tempDir();
  await writeOldStore(temp.join("store"), 2);
  await using store = await openStore({ root: temp.join("store"), durability: "none" });
  assertEquals(store.images.get(OLD_IMAGE)?.spare, undefined);
  assertEquals(store.images.removeAll([OLD_IMAGE], { spare: true }), []);
  assertEquals(store.images.removeAll([OLD_IMAGE]), [OLD_IMAGE]);
});

Deno.test("an error of SQLite is told by its code", async () => {
  await using temp = await tempDir();
  using db = new Database(temp.join("a.db"));
  db.run("CREATE TABLE t (x INTEGER PRIMARY KEY) STRICT");
  using reader = new Database(temp.join("a.db"), { readOnly: true });
  const error = assertThrows(() => reader.run("INSERT INTO t VALUES (1)"), VarveError);
  assertEquals([error.code, error.details.errno], ["E_SYSCALL", "EROFS"]);
});

Deno.test("J18: many writers at once wait for each other", async () => {
  await using temp = await tempDir();
  const stores = await Promise.all([1, 2, 3].map(() => openStore({ root: temp.join("store") })));
  const count = () => {
    for (const store of stores) {
      store.snapshots.transact((table) => {
        const labels = { n: String(Number(table.get("n")?.labels["n"] ?? "0") + 1) };
        const row = { kind: "active", parent: null, cacheId: null, diffId: null } as const;
        table.put({ key: "n", ...row, labels, createdAt: 0, updatedAt: 0, usage: null });
      });
    }
  };
  for (let i = 0; i < 20; i++) count();
  assertEquals(stores[0]?.snapshots.read((table) => table.get("n")?.labels["n"]), "60");
  for (const store of stores) await store[Symbol.asyncDispose]();
});
