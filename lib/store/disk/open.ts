import { guarded, isNoSpace, requirePermissions } from "../../linux/mod.ts";
import type { DiskStore } from "../disk_store.ts";
import { type Disk, setDurability } from "./context.ts";
import type { Database } from "./database/database.ts";
import { digestLikeNames, digestLikeWarning } from "./database/digest_like_names.ts";
import { openDatabase } from "./database/open_database.ts";
import { freeLeftovers, heal } from "./heal.ts";
import { ownersIn } from "./ingest_names.ts";
import type { Durability, OpenOptions } from "./options.ts";
import { Owner } from "./owner.ts";
import { Paths } from "./paths.ts";
import { Room } from "./room.ts";
import { checkAge } from "./recovery/age.ts";
import { absoluteRoot, prepareRoot, syncRoot } from "./root.ts";
import { OpenDiskStore } from "./store.ts";
import { Syncer } from "./sync.ts";
import { namesIn } from "./system.ts";

/**
 * Opens the store in a directory, or makes a new store there. Heals the store after a crash.
 *
 * Any number of processes may have the same store open. On a read-only file system the store can only be
 * read. On a full disk it can be read, and what frees space works: the store keeps a reserve of half a MiB for that.
 *
 * @throws {VarveError} `E_NOT_FOUND` there is no store, and `create` is false · `E_PRECONDITION` the root is a symbolic link, is not a directory, or holds
 * other files but no store · `E_DENIED` it belongs to another user, or Deno lacks a permission · `E_DB` its database is damaged
 * or has a later schema; nothing was written · `E_BUSY` another process holds the database for too
 * long · `E_SYSCALL`
 *
 * @example
 * ```ts
 * import { openStore } from "@varve/varve/store";
 *
 * const root = await Deno.makeTempDir();
 * {
 *   await using store = await openStore({ root });
 *   store.settings.set("durability", "full");
 * }
 * await Deno.remove(root, { recursive: true });
 * ```
 */
export async function openStore(options: OpenOptions): Promise<DiskStore> {
  const paths = new Paths(absoluteRoot(options.root));
  requirePermissions(`open store ${paths.root}`, [
    { name: "read", path: paths.root },
    { name: "write", path: paths.root },
    { name: "sys", kind: "uid" },
  ]);
  const { readOnly } = await prepareRoot(paths, options.create ?? true);
  const room = new Room(paths);
  if (!readOnly) {
    room.prepare();
    if (room.isShort()) await freeLeftovers(paths);
  }
  const names = await guarded(`open store ${paths.root}`, () => namesIn(paths.ingest));
  const unclean = ownersIn(names).length > 0;
  const db = await openDatabase(paths, { readOnly, unclean, room });
  try {
    const durability = options.durability ?? durabilityOf(db);
    const owner = new Owner(paths);
    const { onWait, onWarning } = options;
    const syncer = new Syncer(durability);
    const caches = { areNew: false };
    const disk: Disk = { paths, db, syncer, owner, readOnly, room, caches, onWait, onWarning };
    if (readOnly || db.isCopy) {
      await guarded(`open store ${paths.root}`, () => checkAge(disk, false));
    } else {
      setDurability(db, durability);
      await healIfRoom(disk);
      room.keep();
    }
    const digestLike = digestLikeNames(db);
    if (digestLike.length > 0) onWarning?.(digestLikeWarning(digestLike));
    return new OpenDiskStore(disk);
  } catch (error) {
    db[Symbol.dispose]();
    throw error;
  }
}

/** Heals the store. On a full disk, what is left is done by a later start. */
async function healIfRoom(disk: Disk): Promise<void> {
  try {
    await guarded(`open store ${disk.paths.root}`, async () => {
      await syncRoot(disk);
      await heal(disk);
    });
  } catch (error) {
    if (!isNoSpace(error)) throw error;
  }
}

function durabilityOf(db: Database): Durability {
  const row = db.get<{ value: string }>("SELECT value FROM setting WHERE key = 'durability'");
  return row?.value === "none" ? "none" : "full";
}
