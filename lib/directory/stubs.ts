/**
 * Stubs: empty files and directories that a container needs and its image lacks, such as mount points.
 *
 * In an overlay they are in `init`, a lower directory beside the upper directory, so a commit never
 * sees them. In a snapshot that is one plain directory, they are among its files. The file `stubs`
 * beside the directory then lists them, so that a commit leaves out stubs that are still empty.
 */
import type { ByteString } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import { SNAPSHOT_FILES } from "../store/internal.ts";
import type { Durability } from "../store/mod.ts";

const { init: INIT, stubs: NAME } = SNAPSHOT_FILES;

/** Path of the directory with the stubs of an overlay, beside its upper directory. */
export function initDirectory(snapshotDirectory: string): string {
  return `${snapshotDirectory}/${INIT}`;
}

/** A stub among the files of a snapshot. */
export interface Stub {
  /** Absolute path inside the root, without symbolic links. */
  readonly path: ByteString;
  /** What was made at the path. */
  readonly type: "directory" | "file";
}

/**
 * Reads the list of the stubs among a snapshot's files, parents first.
 *
 * @throws {VarveError} `E_DAMAGE` when the list cannot be read
 */
export async function readStubs(snapshotDirectory: string): Promise<Stub[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(`${snapshotDirectory}/${NAME}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every(isStub)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new VarveError("E_DAMAGE", `Cannot read ${snapshotDirectory}/${NAME}: it is damaged`);
}

/**
 * Adds stubs to the list. Call it before the stubs are made: a listed stub that is missing does no harm. With the
 * durability `"full"`, the list is on the disk when this returns: a stub without its list would be a change.
 *
 * @param scratch path of a directory on the same file system, in which the new list is written before it replaces the
 * old one
 */
export async function addStubs(
  snapshotDirectory: string,
  stubs: readonly Stub[],
  scratch: string,
  durability: Durability,
): Promise<void> {
  const known = await readStubs(snapshotDirectory);
  const fresh = stubs.filter(({ path }) => !known.some((stub) => stub.path === path));
  if (fresh.length === 0) return;
  const temporary = `${scratch}/${NAME}`;
  await Deno.writeTextFile(temporary, JSON.stringify([...known, ...fresh]));
  if (durability === "full") await sync(temporary);
  await Deno.rename(temporary, `${snapshotDirectory}/${NAME}`);
  if (durability === "full") await sync(snapshotDirectory);
}

async function sync(path: string): Promise<void> {
  using file = await Deno.open(path);
  await file.sync();
}

function isStub(value: unknown): value is Stub {
  const { path, type } = (value ?? {}) as Record<string, unknown>;
  return typeof path === "string" && path.startsWith("/") &&
    (type === "directory" || type === "file");
}
