import { VarveError } from "../../../errors.ts";
import { guarded } from "../../../linux/mod.ts";
import { Database } from "../database/database.ts";
import { migrate } from "../database/schema.ts";
import { shownGeneration } from "../layout_index.ts";
import { FileLock } from "../lock.ts";
import { noteMissingParts } from "../parts/parts.ts";
import { Paths } from "../paths.ts";
import { readWitness } from "../recovery/witness.ts";
import { absoluteRoot, prepareRoot } from "../root.ts";
import { syncPath } from "../sync.ts";
import { lstatOrNothing, namesIn } from "../system.ts";
import { BESIDE, removeUnfinished, unfinishedRebuild } from "./unfinished.ts";
import { readDocuments } from "./documents.ts";
import { gather } from "./gather.ts";
import { imageNames } from "./index_names.ts";
import { salvage } from "./salvage.ts";
import { usersOf } from "./users_of.ts";
import { type Evidence, writeRows } from "./write_rows.ts";

/** What a rebuild made. */
export interface RebuildReport {
  /** Absolute path of the old database; `null` when there was none. */
  readonly kept: string | null;
  /** Number of image names. */
  readonly images: number;
  /** Number of layers. */
  readonly layers: number;
  /** Number of snapshots with a directory. */
  readonly snapshots: number;
  /** Directories whose marker does not say what they are, by their path in the store. They stay. */
  readonly unknown: readonly string[];
}

/** Maximum time in ms that a rebuild waits for the lock of the store. */
const TIMEOUT = 10_000;

/**
 * Makes the database of a store again, from the markers, the documents and `index.json`. The old database is renamed
 * to `meta.db.damaged-<n>` and kept. What only a database says, such as settings, is taken from it where it can be
 * read.
 *
 * The old database stands until the new one is renamed over it. So a process that dies leaves the one or the other. Only
 * a database that is so damaged that its log cannot be written into it stands without its log for a moment.
 *
 * @param root the root directory of the store
 * @throws {VarveError} `E_NOT_FOUND` there is no store · `E_BUSY` a process has the store open · `E_SYSCALL`
 *
 * @example
 * ```ts
 * import { openStore, rebuildStore } from "@varve/varve/store";
 *
 * const root = await Deno.makeTempDir();
 * await (await openStore({ root }))[Symbol.asyncDispose]();
 * const { kept, images } = await rebuildStore(root);
 * if (kept === null || images !== 0) throw new Error("the old database is kept");
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export async function rebuildStore(root: string): Promise<RebuildReport> {
  const paths = new Paths(absoluteRoot(root));
  const action = `rebuild the database of store ${paths.root}`;
  const { readOnly } = await prepareRoot(paths, false);
  if (readOnly) {
    throw new VarveError("E_SYSCALL", `Cannot ${action}: it is on a read-only file system`, {
      errno: "EROFS",
      hint: "mount it writable",
    });
  }
  return await guarded(action, async () => {
    using _ = await FileLock.acquire(paths.lock, { timeout: TIMEOUT });
    await refuseUsers(paths, action, [paths.database]);
    const again = await unfinished(paths);
    const old = again ?? paths.database;
    await writeLog(old);
    const before = await stateOf(paths.database);
    const generation = shownGeneration(paths.index) ?? 0;
    const documents = readDocuments(paths);
    const gathered = gather(paths);
    const rows = salvage(old);
    const images = imageNames(paths, documents, rows);
    const witness = readWitness(paths);
    const evidence = { gathered, documents, images, old: rows, witness, generation };
    let snapshots: ReadonlySet<string>;
    const made = unfinishedRebuild(paths);
    await removeUnfinished(paths);
    try {
      (await Deno.open(made, { write: true, createNew: true, mode: 0o600 })).close();
      snapshots = fill(made, paths, evidence);
      await syncPath(made);
      // Nothing keeps a process from opening a database that exists.
      await refuseUsers(paths, action, [paths.database]);
      if (await stateOf(paths.database) !== before) throw changedMeanwhile(paths, action);
    } catch (error) {
      // Where this fails, too, the next start does it.
      await removeUnfinished(paths).catch(() => {});
      throw error;
    }
    const kept = await setAside(paths, again);
    await Deno.rename(made, paths.database);
    await syncPath(paths.root);
    return {
      kept,
      images: images.length,
      layers: gathered.layers.length,
      snapshots: snapshots.size,
      unknown: gathered.unknown.filter((path) => !snapshots.has(path)),
    };
  });
}

/**
 * Fills an empty database.
 *
 * @returns the directories of its snapshots, by their path in the store
 */
function fill(path: string, paths: Paths, evidence: Evidence): ReadonlySet<string> {
  using db = new Database(path);
  db.get("PRAGMA journal_mode = WAL");
  migrate(db, path);
  db.transact(() => {
    writeRows(db, evidence, Date.now());
    noteMissingParts({ db, paths }, (fn) => fn());
  });
  const rows = db.arrays<[number]>("SELECT cache_id FROM snapshot WHERE cache_id IS NOT NULL");
  return new Set(rows.map(([id]) => `snapshots/${id}`));
}

async function refuseUsers(
  paths: Paths,
  action: string,
  databases: readonly string[],
): Promise<void> {
  const users = await usersOf(paths, databases);
  if (users.length === 0) return;
  throw new VarveError("E_BUSY", `Cannot ${action}: ${users.join(", ")} has it open`, {
    subject: paths.root,
    hint: "end it first",
  });
}

function changedMeanwhile(paths: Paths, action: string): VarveError {
  return new VarveError("E_BUSY", `Cannot ${action}: a process changed it meanwhile`, {
    subject: paths.root,
    hint: "try again",
  });
}

/** A text that differs once something is written to a database or to its log. */
async function stateOf(database: string): Promise<string> {
  const [file, log] = [await lstatOrNothing(database), await lstatOrNothing(`${database}-wal`)];
  // Who only reads makes an empty log.
  const parts = [file, log?.size === 0 ? undefined : log];
  return parts.map((info) => `${info?.ino} ${info?.size} ${info?.mtime?.getTime()}`).join("\n");
}

/** Writes the log of a database into it, as each end of a last connection does. What is too damaged stays as it is. */
async function writeLog(path: string): Promise<void> {
  // SQLite removes the log of an empty database.
  if (((await lstatOrNothing(path))?.size ?? 0) === 0) return;
  try {
    using db = new Database(path);
    db.get("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
  }
}

/**
 * Keeps the database under another name, and moves what is beside it there: SQLite would apply an old log to the new
 * database. The database keeps its own name, too, until the new one is renamed over it.
 *
 * @param again the other name, if an earlier rebuild has given it
 * @returns the other name; `null` when there is nothing to keep
 */
async function setAside(paths: Paths, again: string | null): Promise<string | null> {
  const { database, root } = paths;
  const kept = again ?? await freeName(paths);
  let isKept = again !== null;
  if (!isKept && await lstatOrNothing(database) !== undefined) {
    await Deno.link(database, kept);
    isKept = true;
  }
  for (const end of BESIDE) {
    if (await lstatOrNothing(database + end) === undefined) continue;
    await Deno.rename(database + end, kept + end);
    isKept = true;
  }
  await syncPath(root);
  return isKept ? kept : null;
}

/** A name for the old database that nothing has. */
async function freeName({ database, root }: Paths): Promise<string> {
  const names = await namesIn(root);
  let n = 1;
  while (names.some((name) => name.startsWith(`meta.db.damaged-${n}`))) n++;
  return `${database}.damaged-${n}`;
}

/** The database that an earlier rebuild kept, which died before the new one took its place. */
async function unfinished({ database, root }: Paths): Promise<string | null> {
  const numbers = (await namesIn(root)).map((name) =>
    Number(/^meta\.db\.damaged-([1-9][0-9]*)$/.exec(name)?.[1] ?? 0)
  );
  const last = Math.max(0, ...numbers);
  if (last === 0) return null;
  const kept = `${database}.damaged-${last}`;
  const present = await lstatOrNothing(database);
  // An older version renamed it, and died then.
  if (present === undefined) return kept;
  const isSame = present.ino === (await lstatOrNothing(kept))?.ino;
  return isSame && await lstatOrNothing(`${database}-wal`) === undefined ? kept : null;
}
