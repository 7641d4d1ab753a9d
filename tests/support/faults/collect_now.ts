/**
 * Collects garbage three times, with the clock as it is, a day on, and a day back: `deno run collect_now.ts ROOT LOG`.
 * What went wrong is added to the file `LOG`, a line each. Nothing is done while another process holds a lock for which
 * a collection would wait: that process is stopped.
 */
import { DatabaseSync } from "node:sqlite";
import { runCommand } from "../cli/in_process.ts";
import { shiftClock } from "../machine/clock.ts";

/** A day in milliseconds. */
const DAY = 24 * 60 * 60 * 1000;

/** Whether another process has a lock. */
async function isLocked(path: string): Promise<boolean> {
  try {
    using lock = await Deno.open(path, { read: true, write: true });
    return !await lock.tryLock(true);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether another process commits, writes `index.json`, removes caches, or writes to the database. */
async function isHeld(root: string): Promise<boolean> {
  for (const name of ["store.lock", "ingest/index.lock", "ingest/gc.lock"]) {
    if (await isLocked(`${root}/${name}`)) return true;
  }
  const db = new DatabaseSync(`${root}/meta.db`, { timeout: 0 });
  try {
    db.exec("BEGIN IMMEDIATE; ROLLBACK");
    return false;
  } catch (error) {
    if (error instanceof Error && error.message.includes("database is locked")) return true;
    throw error;
  } finally {
    db.close();
  }
}

const [root = "", log = ""] = Deno.args;
if (!await isHeld(root)) {
  for (const shift of [0, DAY, -DAY]) {
    using _ = shiftClock(shift);
    const { code, stderr } = await runCommand(["gc"], { env: { VARVE_ROOT: root }, isRoot: true });
    if (code === 0) continue;
    const line = `gc with the clock ${shift / DAY} days on: exit ${code}: ${stderr.trim()}`;
    await Deno.writeTextFile(log, `${line.replaceAll("\n", " | ")}\n`, { append: true });
  }
}
