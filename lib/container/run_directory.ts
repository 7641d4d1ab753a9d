/**
 * The directory of a run: `mounts/run-<cache id>-<random>` of the store. It holds
 * the bundle, the mounted root, the runtime's state, and `state.json`, by which
 * others know the container. Whoever runs it holds a lock there until it ends, so
 * that a lock that is free means a run whose process died.
 */
import { fromText } from "../bytes/mod.ts";
import { VarveError } from "../errors.ts";
import { CWD, isErrno, Open, openAt, type OwnedFd, ownFd } from "../linux/mod.ts";
import type { DiskStore } from "../store/mod.ts";
import { RUN_FILES } from "./runtime/commands.ts";
import { type Runtime, RUNTIMES } from "./runtime/find.ts";

const PREFIX = "run-";
const NAME = /^run-[0-9]+-[0-9a-f]{16}$/;

/** Milliseconds after which a directory without state surely will not get one. */
const OLD = 60_000;

/** Version of `state.json`; another one is left alone. */
const VERSION = 1;

/** What others know of a run. */
export interface RunState {
  /** Version of the form. */
  readonly version: typeof VERSION;
  /** Name of the container at the runtime. */
  readonly id: string;
  /** Key of the snapshot. */
  readonly key: string;
  /** What runs it. */
  readonly runtime: Runtime;
  /** Process of whoever runs it. */
  readonly owner: number;
}

/** A run that was found. */
export interface FoundRun {
  /** Its directory. */
  readonly directory: string;
  /** Its state; `null` when there is none yet. */
  readonly state: RunState | null;
  /** Whether the process that runs it lives. */
  readonly live: boolean;
}

/** The directory of a new run, locked. */
export interface RunDirectory extends Disposable {
  /** Its path. */
  readonly path: string;
  /** Name of the container. */
  readonly id: string;
}

/** Makes the directory of a run. */
export async function createRunDirectory(store: DiskStore, cacheId: number): Promise<RunDirectory> {
  const random = crypto.getRandomValues(new Uint8Array(8));
  const name = `${PREFIX}${cacheId}-${random.toHex()}`;
  const path = `${store.directories.mounts}/${name}`;
  await Deno.mkdir(path, { mode: 0o700 });
  const lock = openLock(path, Open.CREATE);
  // Whoever looks whether it is locked holds it for a moment.
  while (!lock.lock("exclusive")) await new Promise((resolve) => setTimeout(resolve, 1));
  for (const sub of [RUN_FILES.rootfs, RUN_FILES.bundle]) await Deno.mkdir(`${path}/${sub}`);
  return {
    path,
    id: `varve-${name.slice(PREFIX.length)}`,
    [Symbol.dispose]: () => lock[Symbol.dispose](),
  };
}

/** Makes a run known to others. */
export async function writeState(
  directory: string,
  state: Omit<RunState, "version">,
): Promise<void> {
  const path = `${directory}/${RUN_FILES.state}`;
  await Deno.writeTextFile(`${path}.new`, JSON.stringify({ version: VERSION, ...state }));
  await Deno.rename(`${path}.new`, path);
}

/** All runs of a store, live and dead. */
export async function findRuns(store: DiskStore): Promise<FoundRun[]> {
  const mounts = store.directories.mounts;
  const out: FoundRun[] = [];
  for await (const { name, isDirectory } of Deno.readDir(mounts)) {
    if (!isDirectory || !NAME.test(name)) continue;
    const directory = `${mounts}/${name}`;
    const found = await look(directory);
    if (found !== undefined) out.push(found);
  }
  return out.sort((a, b) => a.directory < b.directory ? -1 : 1);
}

/** The live run of a snapshot. */
export async function findRun(store: DiskStore, key: string): Promise<FoundRun | undefined> {
  return (await findRuns(store)).find(({ state, live }) => live && state?.key === key);
}

/** Refuses a snapshot whose container runs. @throws {VarveError} `E_BUSY` */
export async function refuseRunning(store: DiskStore, key: string): Promise<void> {
  if (await findRun(store, key) === undefined) return;
  const shown = JSON.stringify(key);
  throw new VarveError("E_BUSY", `Cannot use snapshot ${shown}: its container is running`, {
    subject: key,
    hint: "end it first",
  });
}

async function look(directory: string): Promise<FoundRun | undefined> {
  try {
    const state = await readState(directory);
    const age = Date.now() - ((await Deno.stat(directory)).mtime?.getTime() ?? 0);
    return { directory, state, live: isLocked(directory) || state === null && age < OLD };
  } catch (error) {
    // It ended while it was looked at.
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof VarveError && error.details.errno === "ENOENT") return undefined;
    throw error;
  }
}

async function readState(directory: string): Promise<RunState | null> {
  let text: string;
  try {
    text = await Deno.readTextFile(`${directory}/${RUN_FILES.state}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const value = parse(text);
  if (value?.version === VERSION && RUNTIMES.includes(value.runtime.name)) return value;
  throw new VarveError(
    "E_DAMAGE",
    `Cannot read ${directory}/${RUN_FILES.state}: not of this version`,
  );
}

function parse(text: string): RunState | undefined {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isLocked(directory: string): boolean {
  try {
    using lock = openLock(directory);
    return !lock.lock("shared");
  } catch (error) {
    // Not yet, or no longer. It must not be made here: that would keep a directory from being removed.
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

function openLock(directory: string, create = 0): OwnedFd {
  const flags = Open.READ_WRITE | create | Open.NO_FOLLOW;
  return ownFd(openAt(CWD, fromText(`${directory}/${RUN_FILES.lock}`), flags, 0o600));
}
