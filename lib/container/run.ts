import { VarveError } from "../errors.ts";
import { mayMount } from "../linux/mod.ts";
import { commandLine } from "./bundle/process.ts";
import { noteEnd, noteFailure, noteStart } from "./container_records.ts";
import type { ContainerEnd, RunContainerOptions } from "./contract.ts";
import { type Layer, lockLayer, prepareLayer } from "./layer.ts";
import { makeBundle } from "./make_bundle.ts";
import { reapRuns } from "./reap.ts";
import { createRunDirectory, writeState } from "./run_directory.ts";
import { findRuntime, type Runtime } from "./runtime/find.ts";
import { supervise } from "./supervise.ts";
import { restoreTerminal, type SavedTerminal, saveTerminal } from "./terminal.ts";
import { startWatchdog } from "./watchdog.ts";

/**
 * Runs a container in the foreground, on a read-write layer over an image, and
 * waits for its end. Nothing of it stays but that layer: no mount, process, cgroup
 * or file, also when this process is killed. What never began leaves no new layer.
 *
 * @throws {VarveError} `E_UNSUPPORTED` not root, or no runtime · `E_EXISTS` the key is of another image or
 * kind · `E_BUSY` it runs or is mounted · `E_PRECONDITION` no terminal, or nothing to run · `CommandError` the
 * program cannot be started · `E_MISSING`, `E_ID`, `E_TYPE`, `E_LIMIT`, `E_LOOP`, `E_NOT_DIR`, `E_FORMAT` what the
 * image has for users and mount points is not usable
 *
 * @example
 * ```ts ignore
 * const { exit } = await runContainer({ store, snapshotter, image, searchPath: "/usr/sbin:/usr/bin" });
 * ```
 */
export async function runContainer(options: RunContainerOptions): Promise<ContainerEnd> {
  const { store, snapshotter, image, process = {} } = options;
  if (!mayMount()) {
    throw new VarveError("E_UNSUPPORTED", "Cannot run a container: only root may", {
      hint: "'varve unpack', 'varve ls' and 'varve cat' need no privileges",
    });
  }
  // Before anything is made.
  commandLine(image.config.config, process);
  const terminal = process.tty ? await saveTerminal() : undefined;
  const runtime = await findRuntime(options.runtime ?? "auto", options.searchPath);
  await reapRuns(store, snapshotter);
  const layer = await prepareLayer(options);
  // Until it is locked, it may be somebody else's.
  using lock = await lockLayer(store, layer);
  try {
    const exit = await runOn(options, layer, lock, runtime, terminal);
    await noteEnd(store, snapshotter, layer.key, exit);
    return { key: layer.key, exit };
  } catch (error) {
    await noteFailure(store, snapshotter, layer.key, layer.fresh);
    throw error;
  }
}

async function runOn(
  options: RunContainerOptions,
  layer: Layer,
  lock: Disposable,
  runtime: Runtime,
  terminal: SavedTerminal | undefined,
): Promise<number> {
  const { store, snapshotter, image, process = {}, now = Date.now } = options;
  using run = await createRunDirectory(store, layer.cacheId);
  const { key } = layer;
  const watchdog = startWatchdog(runtime, run.path, run.id, terminal, options.sweep);
  try {
    await writeState(run.path, { id: run.id, key, runtime, owner: Deno.pid });
    noteStart(store, snapshotter, {
      key,
      image,
      command: commandLine(image.config.config, process),
      remove: options.remove ?? false,
      now: now(),
    });
    const spec = await makeBundle(options, layer, run, runtime, terminal);
    // From here on, the mount and the state say that it is used.
    lock[Symbol.dispose]();
    options.signal?.throwIfAborted();
    options.onStart?.(key);
    return await supervise(options, run, runtime, spec);
  } finally {
    await watchdog.end();
    if (terminal !== undefined) await restoreTerminal(terminal);
  }
}
