import { type ByteString, escapeForTerminal, fromText, toValidText } from "../../bytes/mod.ts";
import { addStubs, initDirectory } from "../../directory/internal.ts";
import { VarveError } from "../../errors.ts";
import {
  CWD,
  type Fd,
  type Mount,
  openDirectoryAt,
  openRoot,
  ownFd,
  performMount,
  performUnmount,
} from "../../linux/mod.ts";
import { isWithin } from "../../mount/internal.ts";
import { readOnlyMount, withTopLower, withVarveSource } from "../../snapshot/internal.ts";
import { SNAPSHOT_FILES } from "../../store/internal.ts";
import type { Durability } from "../../store/mod.ts";
import { type ContainerUser, findUser } from "../bundle/user.ts";
import type { Volume } from "../bundle/volume.ts";
import { checkExecutable } from "./executable.ts";
import { HOST_FILES } from "./host_files.ts";
import { lookIn, readInRoot } from "./in_root.ts";
import { isKernelPath, planStubs, type Want } from "./stubs.ts";
import { addInitLayer, hasInitLayer } from "./init_layer.ts";
import { writeStubs } from "./write_stubs.ts";

/** Directories at which the runtime mounts file systems of the kernel. */
const KERNEL_DIRECTORIES = ["/dev", "/proc", "/sys"];

/** Options of {@linkcode prepareRoot}. */
export interface RootInput {
  /** Mounts of the container's snapshot. */
  readonly mounts: readonly Mount[];
  /** Absolute path of the snapshot's directory, `snapshots/<cache id>`. */
  readonly snapshotDirectory: string;
  /** Absolute path of a directory on the same file system, in which things are made before they are renamed. */
  readonly scratch: string;
  /** Durability of the store. */
  readonly durability: Durability;
  /** Absolute path of the empty directory at which the root is mounted. */
  readonly target: string;
  /** The user, as the caller or the image writes it. */
  readonly user: string;
  /** Working directory of the container's program. */
  readonly workingDir: string;
  /** Volumes of the caller. */
  readonly volumes: readonly Volume[];
  /** Absolute paths that the image declares as volumes. They become directories of the snapshot. */
  readonly directories: readonly string[];
  /** Name or path of the container's program. */
  readonly program: string;
  /** Value of `PATH` in the container. */
  readonly searchPath: string;
}

/** A root that is mounted. */
export interface PreparedRoot {
  /** The user, looked up in the image. */
  readonly user: ContainerUser;
  /** The volumes, with targets that contain no links. */
  readonly volumes: readonly Volume[];
  /** Paths at which the host's files are mounted in the container, by their usual paths. */
  readonly hostFiles: ReadonlyMap<string, string>;
}

/**
 * Mounts the root of a container. Before that, it looks at the root through a read-only mount, and makes the mount
 * points and directories that are missing. On an overlay, they are in a separate lower, so that a commit does not
 * include them.
 *
 * @throws {VarveError} `E_TYPE`, `E_LIMIT`, `E_LOOP`, `E_NOT_DIR`, `E_MISSING`, `E_ID`, `E_FORMAT` files of the image
 * cannot be used · as `performMount`
 */
export async function prepareRoot(input: RootInput): Promise<PreparedRoot> {
  const { mounts, snapshotDirectory, scratch, target } = input;
  const overlay = mounts[0]?.type === "overlay";
  const init = initDirectory(snapshotDirectory);
  const withInit = async () =>
    overlay && await hasInitLayer(init) ? mounts.map((mount) => withTopLower(mount, init)) : mounts;
  const at = fromText(target);
  const before = await withInit();
  for (const mount of before) performMount(readOnlyMount(mount), at);
  let prepared: PreparedRoot;
  try {
    using root = ownFd(openRoot(at));
    const wants = wantsOf(input);
    const { stubs, places } = planStubs(wants, lookIn(root.fd));
    prepared = judge(input, root.fd, wants, places);
    if (overlay && stubs.length > 0) {
      await addInitLayer({ init, scratch, merged: root.fd, stubs });
    } else if (stubs.length > 0) {
      await addStubs(snapshotDirectory, stubs, scratch, input.durability);
      using directory = ownFd(
        openDirectoryAt(CWD, fromText(`${snapshotDirectory}/${SNAPSHOT_FILES.files}`)),
      );
      writeStubs(directory.fd, stubs);
    }
  } finally {
    for (const _ of before) performUnmount(at, { lazy: true });
  }
  for (const mount of await withInit()) performMount(withVarveSource(mount), at);
  return prepared;
}

/** The paths that must exist in the container: mount points, and directories that the image names. */
function wantsOf({ volumes, workingDir, directories }: RootInput): Want[] {
  return [
    ...KERNEL_DIRECTORIES.map((path) => ({ path: fromText(path), type: "directory" as const })),
    ...HOST_FILES.map((path) => ({ path, type: "file" as const })),
    ...volumes.filter(({ target }) => inRoot(target, others(volumes, target))).map((
      { source, target, tmpfs },
    ) => ({
      path: fromText(target),
      type: tmpfs !== undefined || Deno.statSync(source).isDirectory
        ? "directory" as const
        : "file" as const,
    })),
    ...[...directories, workingDir].filter((path) => inRoot(path, volumes)).map((path) => ({
      path: fromText(path),
      type: "directory" as const,
    })),
  ];
}

/** The volumes whose target is a different path. */
function others(volumes: readonly Volume[], target: string): Volume[] {
  return volumes.filter((volume) => volume.target !== target);
}

/** Whether a path lies in the root itself, and not in a volume or a file system of the kernel. */
function inRoot(path: string, volumes: readonly Volume[]): boolean {
  return !isKernelPath(path) && !volumes.some(({ target }) => isWithin(path, target));
}

/** Checks the places that were found, and looks up the user. */
function judge(
  input: RootInput,
  root: Fd,
  wants: readonly Want[],
  places: ReturnType<typeof planStubs>["places"],
): PreparedRoot {
  const hostFiles = new Map<string, string>();
  const targets = new Map<string, string>();
  for (const [i, { path, type }] of wants.entries()) {
    const place = places[i] as (typeof places)[number];
    const real = textOf(place.path);
    if (KERNEL_DIRECTORIES.includes(path)) {
      if (real !== path || (place.found?.type ?? "directory") !== "directory") {
        throw new VarveError("E_FORMAT", `Cannot run the image: its ${path} is not a directory`);
      }
    } else if (HOST_FILES.includes(path)) {
      // Mount nothing on a link into a file system of the kernel, or on something that is not a file.
      const usable = (place.found?.type ?? "file") === "file" && !isKernelPath(real);
      if (usable) hostFiles.set(path, real);
    } else {
      refuseOther(path, type, place.found?.type);
      targets.set(textOf(path), real);
    }
  }
  const volumes = input.volumes.map((volume) => ({
    ...volume,
    target: targets.get(volume.target) ?? volume.target,
  }));
  for (const { target } of volumes) {
    if (isWithin(target, "/proc")) {
      throw new VarveError("E_USAGE", `Cannot mount a volume at ${target}: it is in /proc`);
    }
  }
  const read = (path: string) => readInRoot(root, fromText(path)) ?? "" as ByteString;
  const user = findUser(input.user, read("/etc/passwd"), read("/etc/group"));
  if (volumes.length === 0) checkExecutable(root, input);
  return { user, volumes, hostFiles };
}

/**
 * Refuses a mount point of the wrong type: a directory is mounted only on a directory, a file only
 * on a file.
 */
function refuseOther(path: ByteString, wanted: Want["type"], found: string = wanted): void {
  if ((found === "directory") === (wanted === "directory")) return;
  const subject = escapeForTerminal(path);
  const state = wanted === "directory" ? "it is not a directory" : "it is a directory";
  throw new VarveError("E_NOT_DIR", `Cannot use ${subject} of the image: ${state}`, { subject });
}

function textOf(path: ByteString): string {
  const text = toValidText(path);
  if (text !== undefined) return text;
  throw new VarveError("E_FORMAT", "Cannot run the image: a link leads to a name that is not text");
}
