import { VarveError } from "../errors.ts";
import { commandLine, environment, workingDirectory } from "./bundle/process.ts";
import { runtimeSpec } from "./bundle/spec.ts";
import type { RuntimeSpec } from "./bundle/types.ts";
import { isBelow, type Volume } from "./bundle/volume.ts";
import type { RunContainerOptions } from "./contract.ts";
import type { Layer } from "./layer.ts";
import { writeHostFiles } from "./root/host_files.ts";
import { prepareRoot } from "./root/prepare.ts";
import type { RunDirectory } from "./run_directory.ts";
import { enterScript } from "./runtime/chroot.ts";
import { RUN_FILES } from "./runtime/commands.ts";
import { findInit, hasOnlyUnifiedCgroups, type Runtime } from "./runtime/find.ts";
import type { SavedTerminal } from "./terminal.ts";

/**
 * Mounts the root of a container, and writes what its runtime reads.
 *
 * @throws {VarveError} as `prepareRoot` and `runtimeSpec`; `E_NOT_FOUND` a volume's source is not there
 */
export async function makeBundle(
  options: RunContainerOptions,
  layer: Layer,
  run: RunDirectory,
  runtime: Runtime,
  terminal: SavedTerminal | undefined,
): Promise<RuntimeSpec> {
  const { image, network = "host", process = {} } = options;
  const config = image.config.config;
  const given = await realVolumes(options.volumes ?? []);
  if (runtime.name === "chroot") refuseNested(given);
  const hostname = network === "host" ? Deno.hostname() : shortName(run.id);
  const [program = ""] = commandLine(config, process);
  const env = environment(config, process, { hostname, home: "/" });
  const target = `${run.path}/${RUN_FILES.rootfs}`;
  const root = await prepareRoot({
    mounts: layer.mounts,
    snapshotDirectory: layer.directory,
    target,
    user: process.user ?? config.user ?? "",
    workingDir: workingDirectory(config, process),
    volumes: given,
    directories: (config.volumes ?? []).filter((path) => path.startsWith("/")),
    program,
    searchPath: env.find((one) => one.startsWith("PATH="))?.slice(5) ?? "",
  });
  const files = await writeHostFiles(`${run.path}/${RUN_FILES.bundle}`, { hostname, network });
  const spec = runtimeSpec({
    id: run.id,
    config,
    options: process,
    user: root.user,
    root: target,
    readOnly: options.readOnly ?? false,
    hostname,
    network,
    volumes: [...hostVolumes(files, root.hostFiles, root.volumes), ...root.volumes],
    init: options.init ? await findInit(options.searchPath) : null,
    cgroupNamespace: await hasOnlyUnifiedCgroups(),
    consoleSize: terminal?.size ?? null,
  });
  if (runtime.name === "chroot") {
    await Deno.writeTextFile(`${run.path}/${RUN_FILES.enter}`, enterScript(run.path, spec));
  } else {
    const path = `${run.path}/${RUN_FILES.bundle}/config.json`;
    await Deno.writeTextFile(path, JSON.stringify(spec));
  }
  return spec;
}

/** Files of the host, but those that a volume of the caller lies over. */
function hostVolumes(
  files: ReadonlyMap<string, string>,
  places: ReadonlyMap<string, string>,
  volumes: readonly Volume[],
): Volume[] {
  const out: Volume[] = [];
  for (const [usual, target] of places) {
    const source = files.get(usual);
    const covered = volumes.some((volume) => isBelow(target, volume.target));
    if (source !== undefined && !covered) out.push({ source, target, readOnly: false });
  }
  return out;
}

/** Volumes whose sources are absolute, without links, and there. */
async function realVolumes(volumes: readonly Volume[]): Promise<Volume[]> {
  const out: Volume[] = [];
  for (const volume of volumes) {
    if (out.some(({ target }) => target === volume.target)) {
      throw new VarveError("E_USAGE", `Cannot use two volumes at ${volume.target}`);
    }
    try {
      out.push({ ...volume, source: await Deno.realPath(volume.source) });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new VarveError("E_NOT_FOUND", `Cannot use volume ${volume.source}: it is not there`, {
        subject: volume.source,
      });
    }
  }
  return out;
}

/** Without a runtime, a target inside a volume is found by its name: a link in the volume would lead out. */
function refuseNested(volumes: readonly Volume[]): void {
  for (const { target } of volumes) {
    const outer = volumes.find((other) => other.target !== target && isBelow(target, other.target));
    if (outer === undefined) continue;
    throw new VarveError(
      "E_UNSUPPORTED",
      `Cannot mount a volume at ${target}: it is inside the one at ${outer.target}`,
      { hint: "use --runtime runc or crun for that" },
    );
  }
}

/** A name of a machine that fits into a prompt. */
function shortName(id: string): string {
  return id.slice(id.lastIndexOf("-") + 1).slice(0, 12);
}
