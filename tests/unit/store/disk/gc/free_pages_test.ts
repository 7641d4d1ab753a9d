import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { openStore } from "../../../../../lib/store/mod.ts";
import { contentOf, type GcFixture, gcFixture, snapshotRow } from "./gc_fixture.ts";

/** Number of rows, of about 1 KiB each. */
const ROWS = 2000;
const LABELS = { text: "x".repeat(900) };
const MIB = 1024 * 1024;

/** Puts rows of snapshots into a store, and removes the first of them. */
function putAndRemove({ store }: GcFixture, removed: number): void {
  const keys = Array.from({ length: ROWS }, (_, at) => `key${at}`);
  store.snapshots.transact((table) => {
    for (const key of keys) table.put(snapshotRow({ key, labels: LABELS }));
  });
  store.snapshots.transact((table) => {
    for (const key of keys.slice(0, removed)) table.delete(key);
  });
}

/** Bytes of the database when all that was written to it is in its file. */
async function bytesOf({ root }: GcFixture): Promise<number> {
  const path = `${root}/meta.db`;
  using db = new DatabaseSync(path);
  db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
  return (await Deno.stat(path)).size;
}

Deno.test("a collection gives back what removed rows took in the database", async () => {
  await using fixture = await gcFixture();
  await fixture.load("docker.io/library/app:1", ["a", "b"]);
  putAndRemove(fixture, ROWS - 10);
  const before = contentOf(fixture.store);
  assert(await bytesOf(fixture) > 2 * MIB);
  await fixture.store.collector.collect();
  assert(await bytesOf(fixture) < MIB / 2);
  await using again = await openStore({ root: fixture.root, durability: "none" });
  assertEquals(contentOf(again), before);
});

Deno.test("a database that is mostly used stays as it is", async () => {
  await using fixture = await gcFixture();
  putAndRemove(fixture, ROWS / 4);
  const before = await bytesOf(fixture);
  await fixture.store.collector.collect();
  assertEquals(await bytesOf(fixture), before);
});

Deno.test("another process that reads the database sees the same rows until it ends", async () => {
  await using fixture = await gcFixture();
  putAndRemove(fixture, ROWS - 10);
  using other = new DatabaseSync(`${fixture.root}/meta.db`, { readOnly: true });
  const count = () => Number(other.prepare("SELECT count(*) AS n FROM snapshot").get()?.n);
  other.exec("BEGIN");
  assertEquals(count(), 10);
  await fixture.store.collector.collect();
  assertEquals(count(), 10);
  other.exec("COMMIT");
  assertEquals(count(), 10);
  assert(await bytesOf(fixture) < MIB / 2);
});
