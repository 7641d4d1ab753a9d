import { type ByteString, escapeForTerminal, fromText, toValidText } from "../../bytes/mod.ts";
import { addStubs, disinherit, initDirectory } from "../../directory/internal.ts";
import { VarveError } from "../../errors.ts";
import {
  CWD,
  type Fd,
  type Mount,
  Open,
  openAt,
  openDirectoryAt,
  openRoot,
  ownFd,
  performMount,
  performUnmount,
} from "../../linux/mod.ts";
import { isWithin } from "../../mount/internal.ts";
import { readOnlyMount, withTopLower, withVarveSource } from "../../snapshot/internal.ts";
import { SNAPSHOT_FILES } from "../../store/internal.ts";
import { type ContainerUser, findUser } from "../bundle/user.ts";
import type { Volume } from "../bundle/volume.ts";
import { checkExecutable } from "./executable.ts";
import { HOST_FILES } from "./host_files.ts";
import { lookIn, readInRoot } from "./in_root.ts";
import { isKernelPath, planStubs, type Want } from "./stubs.ts";
import { writeInitLayer, writeStubs } from "./write_stubs.ts";

/** Directories that the runtime mounts file systems of the kernel at. */
const KERNEL_DIRECTORIES = ["/dev", "/proc", "/sys"];

/** What a root is prepared for. */
export interface RootInput {
  /** Mounts of the snapshot. */
  readonly mounts: readonly Mount[];
  /** `snapshots/<id>`. */
  readonly snapshotDirectory: string;
  /** Where it is mounted in the end: an empty directory. */
  readonly target: string;
  /** The user as image or caller say. */
  readonly user: string;
  /** The working directory. */
  readonly workingDir: string;
  /** Volumes of the caller. */
  readonly volumes: readonly Volume[];
  /** Directories that the image says are volumes. */
  readonly directories: readonly string[];
  /** The program, and where it is looked for. */
  readonly program: string;
  readonly searchPath: string;
}

/** What was found while a root was prepared. It is mounted. */
export interface PreparedRoot {
  /** The user. */
  readonly user: ContainerUser;
  /** Volumes, with targets that are free of links. */
  readonly volumes: readonly Volume[];
  /** Where the files of the host are seen: real path by usual path. */
  readonly hostFiles: ReadonlyMap<string, string>;
}

/**
 * Looks at a root through a read-only mount, makes what it lacks, and mounts it.
 *
 * @throws {VarveError} what the image has is not usable: `E_TYPE`, `E_LIMIT`, `E_LOOP`, `E_NOT_DIR`, `E_MISSING`,
 * `E_ID`, `E_FORMAT`; else as `performMount`
 */
export async function prepareRoot(input: RootInput): Promise<PreparedRoot> {
  const { mounts, snapshotDirectory, target } = input;
  const overlay = mounts[0]?.type === "overlay";
  const init = initDirectory(snapshotDirectory);
  if (overlay) {
    await Deno.mkdir(init, { recursive: true });
    disinherit(init, 0o755);
  }
  const whole = mounts.map((mount) => withTopLower(mount, init));
  const at = fromText(target);
  for (const mount of whole) performMount(readOnlyMount(mount), at);
  let prepared: PreparedRoot;
  try {
    using root = ownFd(openRoot(at));
    const wants = wantsOf(input);
    const { stubs, places } = planStubs(wants, lookIn(root.fd));
    prepared = judge(input, root.fd, wants, places);
    if (overlay && stubs.length > 0) {
      using directory = ownFd(openAt(CWD, fromText(init), Open.READ | Open.DIRECTORY));
      writeInitLayer(directory.fd, root.fd, stubs);
    } else if (stubs.length > 0) {
      await addStubs(snapshotDirectory, stubs);
      using directory = ownFd(
        openDirectoryAt(CWD, fromText(`${snapshotDirectory}/${SNAPSHOT_FILES.files}`)),
      );
      writeStubs(directory.fd, stubs);
    }
  } finally {
    for (const _ of whole) performUnmount(at, { lazy: true });
  }
  for (const mount of whole) performMount(withVarveSource(mount), at);
  return prepared;
}

function wantsOf({ volumes, workingDir, directories }: RootInput): Want[] {
  return [
    ...KERNEL_DIRECTORIES.map((path) => ({ path: fromText(path), type: "directory" as const })),
    ...HOST_FILES.map((path) => ({ path, type: "file" as const })),
    ...volumes.filter(({ target }) => inRoot(target, others(volumes, target))).map((
      { source, target },
    ) => ({
      path: fromText(target),
      type: Deno.statSync(source).isDirectory ? "directory" as const : "file" as const,
    })),
    ...[...directories, workingDir].filter((path) => inRoot(path, volumes)).map((path) => ({
      path: fromText(path),
      type: "directory" as const,
    })),
  ];
}

/** The volumes that are mounted elsewhere. */
function others(volumes: readonly Volume[], target: string): Volume[] {
  return volumes.filter((volume) => volume.target !== target);
}

/** Whether a path shows the root, and no volume or file system of the kernel. */
function inRoot(path: string, volumes: readonly Volume[]): boolean {
  return !isKernelPath(path) && !volumes.some(({ target }) => isWithin(path, target));
}

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
        throw new VarveError("E_FORMAT", `Cannot run the image: its ${path} is no directory`);
      }
    } else if (HOST_FILES.includes(path)) {
      // A link into a file system of the kernel, or something else than a file: left as it is.
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

/** A directory goes over a directory only, and nothing else does. */
function refuseOther(path: ByteString, wanted: Want["type"], found: string = wanted): void {
  if ((found === "directory") === (wanted === "directory")) return;
  const subject = escapeForTerminal(path);
  const state = wanted === "directory" ? "it is no directory" : "it is a directory";
  throw new VarveError("E_NOT_DIR", `Cannot use ${subject} of the image: ${state}`, { subject });
}

function textOf(path: ByteString): string {
  const text = toValidText(path);
  if (text !== undefined) return text;
  throw new VarveError("E_FORMAT", "Cannot run the image: a link leads to a name that is no text");
}
