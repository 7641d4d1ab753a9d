import { VarveError } from "../../../errors.ts";
import { guarded } from "../../../linux/mod.ts";
import { Database } from "../database/database.ts";
import { migrate } from "../database/schema.ts";
import { shownGeneration } from "../layout_index.ts";
import { FileLock } from "../lock.ts";
import { Paths } from "../paths.ts";
import { readWitness } from "../recovery/witness.ts";
import { absoluteRoot, prepareRoot } from "../root.ts";
import { syncPath } from "../sync.ts";
import { lstatOrNothing, namesIn, removeAll } from "../system.ts";
import { readDocuments } from "./documents.ts";
import { gather } from "./gather.ts";
import { imageNames } from "./index_names.ts";
import { salvage } from "./salvage.ts";
import { usersOf } from "./users_of.ts";
import { writeRows } from "./write_rows.ts";

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
/** What SQLite puts beside a database. */
const BESIDE = ["", "-wal", "-shm", "-journal"];

/**
 * Makes the database of a store again, from the markers, the documents and `index.json`. The old database is renamed
 * to `meta.db.damaged-<n>` and kept. What only a database says, such as settings, is taken from it where it can be
 * read.
 *
 * If the process dies, the store has no database until the rebuild is run again.
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
    const kept = await setAside(paths);
    const old = kept ?? await lastKept(paths);
    const generation = shownGeneration(paths.index) ?? 0;
    const documents = readDocuments(paths);
    const gathered = gather(paths);
    const rows = salvage(old ?? `${paths.database}.none`);
    const images = imageNames(paths, documents, rows);
    const witness = readWitness(paths);
    const evidence = { gathered, documents, images, old: rows, witness, generation };
    const made = `${paths.database}.new`;
    for (const end of BESIDE) await removeAll(made + end);
    (await Deno.open(made, { write: true, createNew: true, mode: 0o600 })).close();
    {
      using db = new Database(made);
      db.get("PRAGMA journal_mode = WAL");
      migrate(db, made);
      db.transact(() => writeRows(db, evidence, Date.now()));
    }
    await syncPath(made);
    await Deno.rename(made, paths.database);
    await syncPath(paths.root);
    return {
      kept: old,
      images: images.length,
      layers: gathered.layers.length,
      snapshots: gathered.snapshots.length,
      unknown: gathered.unknown,
    };
  });
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

/** Renames the database, with what is beside it. Returns its new path; `null` when there is none. */
async function setAside(paths: Paths): Promise<string | null> {
  if (await lstatOrNothing(paths.database) === undefined) return null;
  const names = await namesIn(paths.root);
  let n = 1;
  while (names.some((name) => name.startsWith(`meta.db.damaged-${n}`))) n++;
  const kept = `${paths.database}.damaged-${n}`;
  // The WAL first: without it, the database is older; a WAL without its database is of no use.
  for (const end of BESIDE.toReversed()) {
    if (await lstatOrNothing(paths.database + end) === undefined) continue;
    await Deno.rename(paths.database + end, kept + end);
  }
  await syncPath(paths.root);
  return kept;
}

/** The database that an earlier rebuild kept, which died before it was done. */
async function lastKept(paths: Paths): Promise<string | null> {
  const numbers = (await namesIn(paths.root)).map((name) =>
    Number(/^meta\.db\.damaged-([1-9][0-9]*)$/.exec(name)?.[1] ?? 0)
  );
  const last = Math.max(0, ...numbers);
  return last === 0 ? null : `${paths.database}.damaged-${last}`;
}
