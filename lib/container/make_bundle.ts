import { VarveError } from "../errors.ts";
import { isWithin } from "../mount/internal.ts";
import type { WritableSnapshot } from "../snapshot/internal.ts";
import { commandLine, environment, workingDirectory } from "./bundle/process.ts";
import { runtimeSpec } from "./bundle/spec.ts";
import type { RuntimeSpec } from "./bundle/types.ts";
import type { Volume } from "./bundle/volume.ts";
import { type ContainerRun, RUN_FILES } from "./container_run.ts";
import type { RunContainerOptions } from "./contract.ts";
import { writeHostFiles } from "./root/host_files.ts";
import { prepareRoot } from "./root/prepare.ts";
import { enterScript } from "./runtime/chroot.ts";
import { findInit, hasOnlyUnifiedCgroups } from "./runtime/find.ts";
import type { SavedTerminal } from "./terminal.ts";

/** Options of {@linkcode makeBundle}. */
export interface BundleInput {
  /** The caller's options. */
  readonly options: RunContainerOptions;
  /** The read-write snapshot that becomes the root. */
  readonly snapshot: WritableSnapshot;
  /** The run whose directory gets the bundle. */
  readonly run: ContainerRun;
  /** The terminal of this process if the container is to have one. */
  readonly terminal: SavedTerminal | undefined;
}

/**
 * Mounts the root of a container, and writes the bundle that its runtime reads.
 *
 * @throws {VarveError} as `prepareRoot` and `runtimeSpec`; `E_NOT_FOUND` a volume's source does not exist
 */
export async function makeBundle(
  { options, snapshot, run, terminal }: BundleInput,
): Promise<RuntimeSpec> {
  const { image, network = "host", process = {} } = options;
  const { directory, runtime } = run;
  const config = image.config.config;
  const given = await realVolumes(options.volumes ?? []);
  if (runtime.name === "chroot") refuseNested(given);
  const hostname = options.hostname ??
    (network === "host" ? Deno.hostname() : shortName(run.id));
  const [program = ""] = commandLine(config, process);
  const env = environment(config, process, { hostname, home: "/" });
  const target = `${directory}/${RUN_FILES.rootfs}`;
  const root = await prepareRoot({
    mounts: snapshot.mounts,
    snapshotDirectory: snapshot.directory,
    scratch: directory,
    durability: options.store.durability,
    target,
    user: process.user ?? config.user ?? "",
    workingDir: workingDirectory(config, process),
    volumes: given,
    directories: (config.volumes ?? []).filter((path) => path.startsWith("/")),
    program,
    searchPath: env.find((one) => one.startsWith("PATH="))?.slice(5) ?? "",
  });
  const files = await writeHostFiles(`${directory}/${RUN_FILES.bundle}`, { hostname, network });
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
    cgroupNamespace: hasOnlyUnifiedCgroups(),
    consoleSize: terminal?.size ?? null,
  });
  if (runtime.name === "chroot") {
    await Deno.writeTextFile(`${directory}/${RUN_FILES.enter}`, enterScript(directory, spec));
  } else {
    const path = `${directory}/${RUN_FILES.bundle}/config.json`;
    await Deno.writeTextFile(path, JSON.stringify(spec));
  }
  return spec;
}

/** Makes volumes of the host's files. A file is left out if a volume of the caller covers its path. */
function hostVolumes(
  files: ReadonlyMap<string, string>,
  places: ReadonlyMap<string, string>,
  volumes: readonly Volume[],
): Volume[] {
  const out: Volume[] = [];
  for (const [usual, target] of places) {
    const source = files.get(usual);
    const covered = volumes.some((volume) => isWithin(target, volume.target));
    if (source !== undefined && !covered) out.push({ source, target, readOnly: false });
  }
  return out;
}

/**
 * Resolves the sources of volumes: each becomes an absolute path without links.
 *
 * @throws {VarveError} `E_USAGE` two volumes have the same target · `E_NOT_FOUND` a source does not exist
 */
async function realVolumes(volumes: readonly Volume[]): Promise<Volume[]> {
  const out: Volume[] = [];
  for (const volume of volumes) {
    if (out.some(({ target }) => target === volume.target)) {
      throw new VarveError("E_USAGE", `Cannot use two volumes at ${volume.target}`);
    }
    try {
      const isHosts = volume.tmpfs === undefined;
      const source = isHosts ? await Deno.realPath(volume.source) : volume.source;
      out.push({ ...volume, source });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new VarveError("E_NOT_FOUND", `Cannot use volume ${volume.source}: it does not exist`, {
        subject: volume.source,
      });
    }
  }
  return out;
}

/**
 * Refuses a volume inside another one. Without a runtime, mount(8) finds the inner target by its path, and a link in
 * the outer volume could lead out of the container.
 */
function refuseNested(volumes: readonly Volume[]): void {
  for (const { target } of volumes) {
    const outer = volumes.find((other) =>
      other.target !== target && isWithin(target, other.target)
    );
    if (outer === undefined) continue;
    throw new VarveError(
      "E_UNSUPPORTED",
      `Cannot mount a volume at ${target}: it is inside the volume at ${outer.target}`,
      { hint: "use the runtime runc or crun" },
    );
  }
}

/** A host name that is short enough for a prompt: the random part of the run's id. */
function shortName(id: string): string {
  return id.slice(id.lastIndexOf("-") + 1).slice(0, 12);
}
