import { VarveError } from "../../errors.ts";
import { absolutePath, fileErrno, guarded } from "../../linux/mod.ts";
import { type Disk, stateOf } from "./context.ts";
import { newLayoutFile } from "./ingest_names.ts";
import { ROOT_FILES } from "./names.ts";
import type { Paths } from "./paths.ts";
import { lstatOrNothing, makeDirectory, namesIn } from "./system.ts";

/** The layout file of an OCI layout (image-spec, image-layout.md). */
const OCI_LAYOUT = '{"imageLayoutVersion":"1.0.0"}\n';

/** Key of the state that says that the directories of the store were synced. */
const SYNCED = "synced";

/** A new file system has this directory. */
const LOST_AND_FOUND = "lost+found";

/**
 * The names that the root of a store can hold. If a directory has no database and holds another
 * name, it is not a store.
 */
const ROOT_NAMES: ReadonlySet<string> = new Set([
  ...Object.values(ROOT_FILES),
  ...["-wal", "-shm", "-journal"].map((end) => ROOT_FILES.database + end),
  LOST_AND_FOUND,
]);

/** A database that a rebuild has made or put aside, with what SQLite puts beside it. */
const KEPT_DATABASE = /^meta\.db\.(?:new|damaged-[1-9][0-9]*)(?:-wal|-shm|-journal)?$/;

/** Whether the root of a store may hold a name. */
export function isRootName(name: string): boolean {
  return ROOT_NAMES.has(name) || KEPT_DATABASE.test(name);
}

/** The absolute path of a root, without `.`, `..` and double slashes. @throws {RangeError} when it is empty or holds a NUL */
export function absoluteRoot(root: string): string {
  if (root === "" || root.includes("\0")) {
    throw new RangeError("Cannot open store: its root is empty or holds a NUL");
  }
  return absolutePath(root);
}

/**
 * Makes the directories of a store, or checks the existing ones.
 *
 * @returns whether the file system is read-only
 * @throws {VarveError} `E_PRECONDITION` the root is not a store · `E_DENIED` it belongs to another
 * user · `E_SYSCALL`
 */
export async function prepareRoot(
  paths: Paths,
  create: boolean,
): Promise<{ readonly readOnly: boolean }> {
  const { root } = paths;
  return await guarded(`open store ${root}`, async () => {
    if (await lstatOrNothing(root) === undefined) {
      if (!create) throw noStore(root);
      await makeRoot(root);
    }
    await checkDirectory(root);
    await checkNames(root);
    if (!create && (await namesIn(root)).every((name) => name === LOST_AND_FOUND)) {
      throw noStore(root);
    }
    if (await takesNoWrites(paths.lock)) {
      for (const path of paths.directories()) await checkDirectory(path);
      return { readOnly: true };
    }
    await checkLocks(paths.lock);
    for (const path of paths.directories()) {
      await makeDirectory(path);
      const mode = await checkDirectory(path);
      if (mode !== 0o700) await Deno.chmod(path, 0o700);
    }
    await writeLayout(paths);
    return { readOnly: false };
  });
}

/**
 * Syncs the directories of a store at its first use, with the directory that holds the root: a
 * commit syncs only the directories in which it makes names.
 */
export async function syncRoot({ paths, db, syncer }: Disk): Promise<void> {
  if (syncer.durability === "none" || stateOf(db, SYNCED) === 1) return;
  const parent = paths.root.slice(0, paths.root.lastIndexOf("/")) || "/";
  // Deno may have the permission for the root only.
  const { state } = await Deno.permissions.query({ name: "read", path: parent });
  await syncer.each([
    paths.layoutVersion,
    ...paths.directories(),
    ...state === "granted" ? [parent] : [],
  ]);
  db.run("INSERT OR REPLACE INTO state VALUES (?, 1)", SYNCED);
}

/** Makes the root, and its parent only if that is missing: Deno may lack the permission to write the parent. */
async function makeRoot(root: string): Promise<void> {
  try {
    await makeDirectory(root);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.mkdir(root.slice(0, root.lastIndexOf("/")) || "/", { recursive: true });
    await makeDirectory(root);
  }
}

function noStore(root: string): VarveError {
  return new VarveError("E_NOT_FOUND", `Cannot open store ${root}: there is none`, {
    subject: root,
    hint: "check the root; load, pull or import makes a store",
  });
}

/** Refuses a path that is not a directory of this user. Returns the mode. */
async function checkDirectory(path: string): Promise<number> {
  const info = await Deno.lstat(path);
  const refuse = (state: string, hint: string) =>
    new VarveError("E_PRECONDITION", `Cannot open store: ${path} ${state}`, {
      subject: path,
      hint,
    });
  if (info.isSymlink) {
    throw refuse("is a symbolic link", "give the directory that it points to");
  }
  if (!info.isDirectory) throw refuse("is not a directory", "give another root");
  if (info.uid !== Deno.uid()) {
    throw new VarveError("E_DENIED", `Cannot open store: ${path} belongs to user ${info.uid}`, {
      subject: path,
      hint: "use a root of your own",
    });
  }
  return (info.mode ?? 0) & 0o7777;
}

/** Refuses a directory that has no database and holds other files, because it is not a store. */
async function checkNames(root: string): Promise<void> {
  const names = await namesIn(root);
  if (names.includes(ROOT_FILES.database)) return;
  const foreign = names.find((name) => !isRootName(name));
  if (foreign === undefined) return;
  throw new VarveError(
    "E_PRECONDITION",
    `Cannot open store ${root}: it holds ${JSON.stringify(foreign)} but no database`,
    { subject: root, hint: "give an empty directory, or one that does not exist yet" },
  );
}

async function takesNoWrites(path: string): Promise<boolean> {
  try {
    using _ = await Deno.open(path, { read: true, write: true, create: true, mode: 0o600 });
    await Deno.chmod(path, 0o600);
    return false;
  } catch (error) {
    if (fileErrno(error) === "EROFS") return true;
    throw error;
  }
}

/**
 * Looks whether the file system has locks. NFS has none where its lock daemon does not run, and SQLite then waits for
 * a lock that nobody holds.
 */
async function checkLocks(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true });
  if (await file.tryLock(false)) await file.unlock();
}

/** Writes `oci-layout`. Several processes may do this at once: they write the same bytes. */
async function writeLayout(paths: Paths): Promise<void> {
  const path = paths.layoutVersion;
  if (await readOrNothing(path) === OCI_LAYOUT) return;
  const temporary = newLayoutFile(paths, "version");
  await Deno.writeTextFile(temporary, OCI_LAYOUT, { mode: 0o600 });
  try {
    await Deno.chmod(temporary, 0o644);
    await Deno.rename(temporary, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
