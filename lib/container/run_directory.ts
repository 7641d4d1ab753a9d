/**
 * The directory of a run: `mounts/run-<cache id>-<random>` of the store.
 *
 * It holds the bundle, the mounted root, the runtime's state, and `state.json`, by which other
 * processes know the container. The process that runs the container locks a file there until the run
 * ends. A run whose lock is free is dead: its process ended without cleaning up.
 */
import { fromText } from "../bytes/mod.ts";
import { lockLowers, tryLockLowersAlone } from "../compose/internal.ts";
import { VarveError } from "../errors.ts";
import { CWD, isErrno, Open, openAt, type OwnedFd, ownFd, tryStatAt } from "../linux/mod.ts";
import type { DiskStore } from "../store/mod.ts";
import { type ContainerRun, RUN_FILES } from "./container_run.ts";
import { type Runtime, RUNTIMES } from "./runtime/find.ts";

const PREFIX = "run-";
const NAME = /^run-([0-9]+)-[0-9a-f]{16}$/;

/** Version of `state.json`. */
const VERSION = 1;

/** The JSON document `state.json`. */
interface RunState {
  /** Version of the format. */
  readonly version: typeof VERSION;
  /** Name that the runtime gives the container. */
  readonly id: string;
  /** Key of the container's snapshot. */
  readonly key: string;
  /** The runtime that runs it. */
  readonly runtime: Runtime;
  /** Pid of the process that runs the container. */
  readonly owner: number;
  /** Device and inode of the file {@linkcode RUN_FILES.lock}. Older versions did not write it. */
  readonly place?: string | undefined;
}

/** A directory of a run that was found. */
export interface FoundRun {
  /** Absolute path of the directory. */
  readonly directory: string;
  /** Number of the directory of the container's snapshot. */
  readonly cacheId: number;
  /** The run in it; `null` while there is no `state.json`, and when it cannot be read. */
  readonly run: ContainerRun | null;
  /** Whether there is a `state.json` that is damaged or of another version. */
  readonly damaged: boolean;
  /** Whether the run is live: its lock is held, or may be taken at this moment. */
  readonly live: boolean;
  /**
   * Whether the directory was copied, with its store. Then its processes, its cgroups and its container are those of the
   * store that it was copied from.
   */
  readonly copied: boolean;
}

/** A new run. It is live until this object is disposed. */
export interface LockedRun extends ContainerRun, Disposable {}

/**
 * Makes the directory of a new run, and locks it. Other processes know the run after
 * {@linkcode writeState}.
 */
export async function createRun(
  store: DiskStore,
  { cacheId, key, runtime }: {
    /** Number of the snapshot's directory. */
    readonly cacheId: number;
    readonly key: string;
    readonly runtime: Runtime;
  },
): Promise<LockedRun> {
  const random = crypto.getRandomValues(new Uint8Array(8));
  const name = `${PREFIX}${cacheId}-${random.toHex()}`;
  const directory = `${store.directories.mounts}/${name}`;
  using stack = new DisposableStack();
  stack.use(await createLocked(store.directories.mounts, directory));
  for (const sub of [RUN_FILES.rootfs, RUN_FILES.bundle]) await Deno.mkdir(`${directory}/${sub}`);
  const lock = stack.move();
  return {
    id: idOf(name),
    key,
    directory,
    runtime,
    [Symbol.dispose]: () => lock[Symbol.dispose](),
  };
}

/** Makes a directory and locks it; no other process takes it for one of a dead run meanwhile. */
async function createLocked(mounts: string, directory: string): Promise<OwnedFd> {
  using _ = await lockLowers(mounts);
  await Deno.mkdir(directory, { mode: 0o700 });
  const lock = openLock(directory, Open.READ_WRITE | Open.CREATE);
  // A process that checks whether the run is live holds the lock for a moment.
  while (!lock.lock("exclusive")) await new Promise((resolve) => setTimeout(resolve, 1));
  return lock;
}

/** Makes a run known to other processes. */
export async function writeState({ id, key, directory, runtime }: ContainerRun): Promise<void> {
  const path = `${directory}/${RUN_FILES.state}`;
  const place = placeOf(directory);
  const state: RunState = { version: VERSION, id, key, runtime, owner: Deno.pid, place };
  await Deno.writeTextFile(`${path}.new`, JSON.stringify(state));
  await Deno.rename(`${path}.new`, path);
}

/** Finds all runs of a store, live and dead, sorted by directory. Changes nothing on disk. */
export async function findRuns(store: DiskStore): Promise<FoundRun[]> {
  const { mounts } = store.directories;
  const out: FoundRun[] = [];
  for await (const { name, isDirectory } of Deno.readDir(mounts)) {
    if (!isDirectory || !NAME.test(name)) continue;
    const found = await look(mounts, name);
    if (found !== undefined) out.push(found);
  }
  return out.sort((a, b) => a.directory < b.directory ? -1 : 1);
}

/**
 * Finds the live run of a snapshot.
 *
 * @throws {VarveError} `E_DAMAGE` a container runs there, but its state cannot be read
 */
export async function findRun(store: DiskStore, key: string): Promise<ContainerRun | undefined> {
  const found = await findLive(store, key);
  if (found?.damaged) {
    throw new VarveError(
      "E_DAMAGE",
      `Cannot read ${found.directory}/${RUN_FILES.state}: it is damaged, or of another version`,
      { subject: key, hint: "end the container first" },
    );
  }
  return found?.run ?? undefined;
}

/** Refuses a snapshot whose container runs. @throws {VarveError} `E_BUSY` */
export async function refuseRunning(store: DiskStore, key: string): Promise<void> {
  if (await findLive(store, key) === undefined) return;
  const shown = JSON.stringify(key);
  throw new VarveError("E_BUSY", `Cannot use snapshot ${shown}: its container is running`, {
    subject: key,
    hint: "end it first",
  });
}

/** The key of the snapshot that a run belongs to; `undefined` while nobody knows it. */
export function keyOfRun(
  store: DiskStore,
  { run, damaged, cacheId }: FoundRun,
): string | undefined {
  if (!damaged) return run?.key;
  return store.snapshots.read((table) => table.list()).find((row) => row.cacheId === cacheId)?.key;
}

/**
 * A run whose `state.json` cannot be read, as one that can be cleaned up. Without the name of its runtime, nobody calls
 * that; its processes are found by its files and its cgroups.
 */
export function unreadRun({ directory }: FoundRun): ContainerRun {
  const id = idOf(directory.slice(directory.lastIndexOf("/") + 1));
  return { id, key: "", directory, runtime: { name: "chroot", program: "", hideUnified: false } };
}

/** The live run of a snapshot, also one whose state cannot be read. */
export async function findLive(store: DiskStore, key: string): Promise<FoundRun | undefined> {
  const runs = await findRuns(store);
  return runs.find((found) => found.live && keyOfRun(store, found) === key);
}

function idOf(name: string): string {
  return `varve-${name.slice(PREFIX.length)}`;
}

async function look(mounts: string, name: string): Promise<FoundRun | undefined> {
  const directory = `${mounts}/${name}`;
  try {
    const state = await readState(directory);
    const place = placeOf(directory);
    return {
      directory,
      cacheId: Number(NAME.exec(name)?.[1]),
      run: state?.run ?? null,
      damaged: state === undefined,
      live: isLocked(directory) || state === null && isBeginning(mounts, directory),
      copied: state?.place !== undefined && place !== undefined && state.place !== place,
    };
  } catch (error) {
    // The run ended meanwhile.
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof VarveError && error.details.errno === "ENOENT") return undefined;
    throw error;
  }
}

/** A run, and where its directory was when it began. */
interface PlacedRun extends Pick<RunState, "place"> {
  readonly run: ContainerRun;
}

/** Reads the state of a run; `null` when there is none, `undefined` when it cannot be read. */
async function readState(directory: string): Promise<PlacedRun | null | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(`${directory}/${RUN_FILES.state}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const state = parse(text);
  if (!isState(state)) return undefined;
  const { id, key, runtime, place } = state;
  return { run: { id, key, directory, runtime }, place };
}

/**
 * The place of a directory of a run: device and inode of its lock. A directory that was moved has the same, one that was
 * copied has another. `undefined` when it has no lock.
 */
function placeOf(directory: string): string | undefined {
  const found = tryStatAt(CWD, fromText(`${directory}/${RUN_FILES.lock}`));
  return found === undefined ? undefined : `${found.device} ${found.inode}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isState(value: unknown): value is RunState {
  const { version, id, key, runtime, place } = (value ?? {}) as Partial<RunState>;
  return version === VERSION && typeof id === "string" && typeof key === "string" &&
    (place === undefined || typeof place === "string") && runtime !== undefined &&
    RUNTIMES.includes(runtime.name) &&
    typeof runtime.program === "string";
}

/** Whether the process that makes a directory may be about to lock it. */
function isBeginning(mounts: string, directory: string): boolean {
  using alone = tryLockLowersAlone(mounts);
  return alone === undefined || isLocked(directory);
}

function isLocked(directory: string): boolean {
  try {
    // Open the lock only for reading, and do not create it: the store may be read-only, and a new file would block the
    // removal of the directory.
    using lock = openLock(directory, Open.READ);
    return !lock.lock("shared");
  } catch (error) {
    // The lock does not exist yet, or not any more.
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

function openLock(directory: string, flags: number): OwnedFd {
  const path = fromText(`${directory}/${RUN_FILES.lock}`);
  return ownFd(openAt(CWD, path, flags | Open.NO_FOLLOW, 0o600));
}
