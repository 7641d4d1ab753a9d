import { guardedSync, pauseThread } from "../../linux/mod.ts";
import {
  type Descriptor,
  descriptorToJson,
  encodeIndex,
  jsonText,
  parseIndex,
} from "../../oci/mod.ts";
import { NAMELESS, namelessImage } from "../rules.ts";
import { type Disk, stateOf } from "./context.ts";
import { isPlainTarget, toTargetOf } from "./database/records.ts";
import { indexLock, newLayoutFile } from "./ingest_names.ts";
import { isOlder } from "./recovery/older.ts";

/** The annotation in which tools look for the name of a manifest (image-spec, annotations.md). */
const REF_NAME = "org.opencontainers.image.ref.name";
/**
 * The annotation with the generation of the image names that the file shows. The next start
 * compares it with the database.
 */
const GENERATION = "varve.generation";
/**
 * Maximum time that a writer waits for another writer, and the wait between two attempts, in ms.
 */
const TIMEOUT = 10_000;
const WAIT = 2;

/**
 * Writes `content/index.json` from the rows, unless it shows them already.
 *
 * If the database is older than the files, the names in the file that it does not know stay, except
 * those in `removed`: no other file has them.
 *
 * Does not throw, because the rows decide what the store holds. If the file cannot be written (a
 * full disk), the commit still counts, and the next commit or start writes the file.
 */
export function refreshIndex(disk: Disk, removed: readonly string[] = []): void {
  try {
    writeIndex(disk, removed);
  } catch {
    // Ignored: the generation in the file shows that the file is old.
  }
}

/**
 * Does the same as {@linkcode refreshIndex}, but throws when the file cannot be written.
 *
 * @throws {VarveError} `E_SYSCALL`
 */
export function writeIndex(disk: Disk, removed: readonly string[] = []): void {
  const { paths, db } = disk;
  guardedSync("write index.json", () => {
    // Stays synchronous to the end. With an await in between, a second call on this thread would
    // wait for the lock of the first call.
    const path = indexLock(paths);
    using lock = Deno.openSync(path, { write: true, create: true, mode: 0o600 });
    if (!lockInTime(lock)) return;
    if (((lock.statSync().mode ?? 0) & 0o777) !== 0o600) Deno.chmodSync(path, 0o600);
    const shown = shownGeneration(paths.index);
    const bytes = db.read(() =>
      stateOf(db, "images") === shown
        ? undefined
        : indexBytes(disk, isOlder(db) ? unknownNames(disk, removed) : [])
    );
    if (bytes === undefined) return;
    const temporary = newLayoutFile(paths, "index");
    {
      using file = Deno.openSync(temporary, { write: true, create: true, truncate: true });
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
      Deno.chmodSync(temporary, 0o644);
      if (disk.syncer.durability === "full") file.syncSync();
    }
    Deno.renameSync(temporary, paths.index);
    if (disk.syncer.durability === "full") {
      using directory = Deno.openSync(paths.content, { read: true });
      directory.syncSync();
    }
  });
}

/**
 * The bytes of `index.json` that show the image names of a store, and other entries.
 *
 * @throws {VarveError} `E_DB` the row of an image is damaged
 */
export function indexBytes(disk: Disk, others: readonly Descriptor[] = []): Uint8Array {
  const rows = disk.db.arrays<readonly [name: string, target: string]>(
    "SELECT name, target FROM image ORDER BY name",
  );
  const entries = [...rows.map((row) => entryOf(...row)), ...others.map(textOf)];
  const annotations = { [GENERATION]: String(stateOf(disk.db, "images")) };
  const [before = "", after = ""] = TEXT.decode(encodeIndex({ manifests: [], annotations }))
    .split(NO_MANIFESTS);
  return new TextEncoder().encode(`${before}"manifests":[${entries.join(",")}]${after}`);
}

const TEXT = new TextDecoder();
/** The empty list of an index, as `encodeIndex` writes it. */
const NO_MANIFESTS = '"manifests":[]';

/**
 * The entry of a name, as JSON. Each change of a name writes the entries of all names again. So a target without
 * fields of its own, as nearly all are, is not parsed and encoded again: that took four times as long.
 */
function entryOf(name: string, target: string): string {
  if (!isPlainTarget(target) || name.startsWith(NAMELESS)) return textOf(namedTarget(name, target));
  const annotations = JSON.stringify({ [REF_NAME]: name });
  return `${target.slice(0, -1)},"annotations":${annotations}}`;
}

function namedTarget(name: string, target: string): Descriptor {
  const descriptor = toTargetOf(name, target);
  const annotations: Record<string, string> = { ...descriptor.annotations };
  delete annotations[REF_NAME];
  if (name !== namelessImage(descriptor.digest)) annotations[REF_NAME] = name;
  return { ...descriptor, annotations };
}

function textOf(descriptor: Descriptor): string {
  return jsonText(descriptorToJson(descriptor));
}

/** The entries of the file whose names have no row and were not removed. */
function unknownNames({ paths, db }: Disk, removed: readonly string[]): Descriptor[] {
  let entries: readonly Descriptor[];
  try {
    entries = parseIndex(Deno.readFileSync(paths.index)).manifests;
  } catch {
    return []; // The file is missing or damaged: it tells no names.
  }
  return entries.flatMap((entry) => {
    const { [REF_NAME]: named, ...annotations } = entry.annotations ?? {};
    const nameless = namelessImage(entry.digest);
    const name = named ?? nameless;
    if (removed.includes(name)) return [];
    const row = db.get<{ digest: string }>("SELECT digest FROM image WHERE name = ?", name);
    if (row === undefined) return [entry];
    // The row gives the name to an older image, so the newer one is kept without a name.
    return row.digest === entry.digest || removed.includes(nameless)
      ? []
      : [{ ...entry, annotations }];
  });
}

/** What ends the file, and its largest size in bytes. */
const END = /"annotations":\{"varve\.generation":"(\d+)"\}\}$/;
const END_BYTES = 64;

/**
 * The generation that the file shows; `undefined` when the file is missing, truncated, or not
 * varve's. Only the end of the file is read, because every start needs it, and a store can have many images.
 */
export function shownGeneration(path: string): number | undefined {
  const end = new Uint8Array(END_BYTES);
  let length = 0;
  try {
    using file = Deno.openSync(path);
    file.seekSync(Math.max(0, file.statSync().size - END_BYTES), Deno.SeekMode.Start);
    for (let read: number | null = 1; read;) {
      read = file.readSync(end.subarray(length));
      length += read ?? 0;
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  // The annotation is written last, so a truncated file does not have it.
  const match = END.exec(new TextDecoder().decode(end.subarray(0, length)));
  return match === null ? undefined : Number(match[1]);
}

function lockInTime(file: Deno.FsFile): boolean {
  const end = performance.now() + TIMEOUT;
  while (!file.tryLockSync(true)) {
    if (performance.now() > end) return false;
    pauseThread(WAIT);
  }
  return true;
}
