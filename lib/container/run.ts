import { VarveError } from "../errors.ts";
import { fromText } from "../bytes/mod.ts";
import { mayMount, performUnmount, requirePermissions } from "../linux/mod.ts";
import { boundCaches, type WritableSnapshot } from "../snapshot/internal.ts";
import { commandLine } from "./bundle/process.ts";
import { type ContainerRun, RUN_FILES } from "./container_run.ts";
import { recordEnd, recordFailure, recordStart } from "./container_records.ts";
import { openLocked } from "./container_snapshot.ts";
import type { ContainerEnd, RunContainerOptions } from "./contract.ts";
import { makeBundle } from "./make_bundle.ts";
import { reapRuns } from "./reap.ts";
import { createRun, writeState } from "./run_directory.ts";
import { findRuntime, type Runtime } from "./runtime/find.ts";
import { supervise } from "./supervise.ts";
import { restoreTerminal, type SavedTerminal, saveTerminal } from "./terminal.ts";
import { startWatchdog } from "./watchdog.ts";

/**
 * Runs a container in the foreground, on a read-write snapshot of an image, and waits for its end.
 *
 * Afterwards only the snapshot is left. All mounts, processes, cgroups and files are removed, even if this process is
 * killed. A container that did not start leaves no new snapshot either. Before it starts, the function cleans up after
 * earlier runs that were killed together with their watchdogs.
 *
 * @throws {VarveError} `E_UNSUPPORTED` not root, or no runtime · `E_EXISTS` the key is of another image or kind, or the
 * key exists and `remove` is set · `E_NOT_FOUND` the key does not exist and `mustExist` is set · `E_BUSY` it runs or is
 * mounted · `E_PRECONDITION` no terminal, or nothing to run ·
 * `CommandError` the program cannot be started · `E_MISSING`, `E_ID`, `E_TYPE`, `E_LIMIT`, `E_LOOP`, `E_NOT_DIR`,
 * `E_FORMAT` users or mount points of the image are not usable
 *
 * @example
 * ```ts ignore
 * const { exit } = await runContainer({ store, snapshotter, image, searchPath: "/usr/sbin:/usr/bin" });
 * ```
 */
export async function runContainer(options: RunContainerOptions): Promise<ContainerEnd> {
  const { store, snapshotter, image, process = {} } = options;
  if (!mayMount()) {
    throw new VarveError("E_UNSUPPORTED", "Cannot run a container: only root may run containers", {
      hint: "unpack the image, or read its tree: both need no privileges",
    });
  }
  // To send a signal, Deno needs the permission to run every program.
  requirePermissions("run a container", [{ name: "run" }]);
  // An image without a command is refused before anything is made.
  commandLine(image.config.config, process);
  const terminal = process.tty ? await saveTerminal() : undefined;
  const runtime = await findRuntime(options.runtime ?? "auto", options.searchPath);
  await reapRuns(store, snapshotter);
  // Keep this out of the try block: until the snapshot is locked, another process may be using it.
  const { snapshot, lock: locked } = await openLocked(options);
  using lock = locked;
  const { key } = snapshot;
  let hasRun = false;
  try {
    await boundCaches(store, options.signal);
    const onEnd = () => hasRun = true;
    const exit = await runLocked({ options, snapshot, lock, runtime, terminal, onEnd });
    await recordEnd(store, snapshotter, { key, exit });
    options.signal?.throwIfAborted();
    return { key, exit };
  } catch (error) {
    lock[Symbol.dispose]();
    // What a program has written is kept, whatever fails after its end.
    if (!hasRun) await recordFailure(store, snapshotter, snapshot);
    throw error;
  }
}

/** Unmounts and removes the root of a container that has ended: the watchdog would need three programs for it. */
function unmountRoot({ directory }: ContainerRun): void {
  const root = `${directory}/${RUN_FILES.rootfs}`;
  try {
    while (performUnmount(fromText(root), { lazy: true }));
    Deno.removeSync(root);
  } catch {
    // The watchdog does what is left.
  }
}

/** Options of a run whose snapshot is locked. */
interface LockedRunInput {
  readonly options: RunContainerOptions;
  readonly snapshot: WritableSnapshot;
  /** Keeps other processes from using the snapshot until the container itself protects it. */
  readonly lock: Disposable;
  readonly runtime: Runtime;
  readonly terminal: SavedTerminal | undefined;
  /** Called when a program of the container ran, and has ended. */
  readonly onEnd: () => void;
}

async function runLocked(input: LockedRunInput): Promise<number> {
  const { options, snapshot, lock, runtime, terminal, onEnd } = input;
  const { key, cacheId } = snapshot;
  const { store, snapshotter, image, process = {}, now = Date.now } = options;
  using run = await createRun(store, { cacheId, key, runtime });
  const watchdog = startWatchdog({ run, terminal, sweep: options.sweep });
  try {
    await writeState(run);
    await recordStart(store, snapshotter, {
      key,
      image,
      command: commandLine(image.config.config, process),
      remove: options.remove ?? false,
      options,
      lock: `${run.directory}/${RUN_FILES.lock}`,
      now: now(),
    });
    const spec = await makeBundle({ options, snapshot, run, terminal });
    // From here on, the mount and the state file show that the snapshot is in use.
    lock[Symbol.dispose]();
    options.signal?.throwIfAborted();
    options.onStart?.(key);
    const exit = await supervise({ options, run, spec });
    onEnd();
    unmountRoot(run);
    return exit;
  } finally {
    await watchdog.end();
    if (terminal !== undefined) await restoreTerminal(terminal);
  }
}
