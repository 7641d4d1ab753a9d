import { toText } from "../../bytes/mod.ts";
import type { ContainerConfig } from "../../oci/mod.ts";
import { CAPABILITIES, KERNEL_MOUNTS, MASKED_PATHS, READONLY_PATHS, UMASK } from "./defaults.ts";
import { commandLine, environment, type ProcessOptions, workingDirectory } from "./process.ts";
import type { RuntimeSpec, SpecMount } from "./types.ts";
import type { ContainerUser } from "./user.ts";
import type { Volume } from "./volume.ts";

/** Path in a container at which its init is mounted. */
export const INIT_TARGET = "/dev/init";

/** Options of {@linkcode runtimeSpec}. */
export interface SpecInput {
  /** Name that the runtime gives the container and its cgroup. */
  readonly id: string;
  /** The image's config. */
  readonly config: ContainerConfig;
  /** The process as the caller wants it. */
  readonly options: ProcessOptions;
  /** The user, looked up inside the image. */
  readonly user: ContainerUser;
  /** Path of the root directory on the host. */
  readonly root: string;
  /** Whether the root is read-only. */
  readonly readOnly: boolean;
  /** Host name in the container. */
  readonly hostname: string;
  /** `none` gives the container its own network, with only the loopback interface. */
  readonly network: "host" | "none";
  /** Volumes and files of the host. Their targets contain no links. */
  readonly volumes: readonly Volume[];
  /** Path on the host of an init, which runs first, reaps processes and forwards signals; `null` for none. */
  readonly init: string | null;
  /** Whether the container gets a cgroup namespace, and so sees only its own cgroup (version 2 only). */
  readonly cgroupNamespace: boolean;
  /** Size of the terminal in characters; `null` without a terminal. */
  readonly consoleSize: { readonly columns: number; readonly rows: number } | null;
}

/**
 * Makes the OCI runtime configuration of a container, with Docker's defaults for capabilities, masked
 * and read-only paths, devices and mounts.
 *
 * The container has the resource limits of the calling process and no seccomp profile. Only the capabilities limit what
 * root may do. Such a container is not enough to isolate untrusted code.
 *
 * @throws {VarveError} `E_PRECONDITION` there is nothing to run · `E_FORMAT` a string holds a NUL
 */
export function runtimeSpec(input: SpecInput): RuntimeSpec {
  const { config, options, user, consoleSize, init } = input;
  const command = commandLine(config, options);
  // A user other than root loses capabilities anyway when the program starts.
  const held = user.uid === 0 ? CAPABILITIES : [];
  return {
    ociVersion: "1.0.2",
    root: { path: input.root, readonly: input.readOnly },
    hostname: input.hostname,
    process: {
      terminal: options.tty ?? false,
      consoleSize: consoleSize === null
        ? undefined
        : { height: consoleSize.rows, width: consoleSize.columns },
      user: { uid: user.uid, gid: user.gid, umask: UMASK, additionalGids: user.groups },
      args: init === null ? command : [INIT_TARGET, "--", ...command],
      env: environment(config, options, { hostname: input.hostname, home: toText(user.home) }),
      cwd: workingDirectory(config, options),
      capabilities: { bounding: CAPABILITIES, effective: held, permitted: held },
      noNewPrivileges: false,
    },
    mounts: mountsOf(input),
    linux: {
      namespaces: [
        "pid",
        "mount",
        "ipc",
        "uts",
        ...(input.network === "none" ? ["network"] : []),
        ...(input.cgroupNamespace ? ["cgroup"] : []),
      ].map((type) => ({ type })),
      cgroupsPath: `/${input.id}`,
      // The runtime itself allows the default devices.
      resources: { devices: [{ allow: false, access: "rwm" }] },
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
    },
  };
}

function mountsOf({ volumes, init }: SpecInput): SpecMount[] {
  // Mount outer volumes first: an inner volume is mounted on top of them.
  const sorted = volumes.toSorted((a, b) => depth(a.target) - depth(b.target));
  const all: Volume[] = init === null
    ? sorted
    : [...sorted, { source: init, target: INIT_TARGET, readOnly: true }];
  return [
    ...KERNEL_MOUNTS,
    ...all.map(({ source, target, readOnly, tmpfs }) => ({
      destination: target,
      type: tmpfs === undefined ? "bind" : "tmpfs",
      source,
      options: tmpfs ?? ["rbind", "rprivate", readOnly ? "ro" : "rw"],
    })),
  ];
}

function depth(path: string): number {
  return path.split("/").length;
}
