import { toText } from "../../bytes/mod.ts";
import type { ContainerConfig } from "../../oci/mod.ts";
import { CAPABILITIES, KERNEL_MOUNTS, MASKED_PATHS, READONLY_PATHS, UMASK } from "./defaults.ts";
import { commandLine, environment, type ProcessOptions, workingDirectory } from "./process.ts";
import type { RuntimeSpec, SpecMount } from "./types.ts";
import type { ContainerUser } from "./user.ts";
import type { Volume } from "./volume.ts";

/** Where a container finds its init. */
export const INIT_TARGET = "/dev/init";

/** What a configuration is made from. */
export interface SpecInput {
  /** Name of the container at the runtime, and of its cgroup. */
  readonly id: string;
  /** What the image says. */
  readonly config: ContainerConfig;
  /** What the caller says. */
  readonly options: ProcessOptions;
  /** The user, looked up inside the image. */
  readonly user: ContainerUser;
  /** The root directory on the host. */
  readonly root: string;
  /** Whether the root may only be read. */
  readonly readOnly: boolean;
  /** Name of the machine. */
  readonly hostname: string;
  /** `none` gives it a network of its own, without any interface but loopback. */
  readonly network: "host" | "none";
  /** Volumes and files of the host, targets without links. */
  readonly volumes: readonly Volume[];
  /** A program of the host that runs first, reaps and forwards signals. */
  readonly init: string | null;
  /** Whether cgroups are of version 2 alone: then the container sees only its own. */
  readonly cgroupNamespace: boolean;
  /** Size of the terminal, in characters. */
  readonly consoleSize: { readonly columns: number; readonly rows: number } | null;
}

/**
 * The OCI runtime configuration of a container: Docker's defaults for capabilities,
 * masked and read-only paths, devices and mounts. There are no resource limits
 * but those of the caller, and no seccomp profile: the capabilities bound what
 * root may do. Whoever runs what he does not trust needs more than a container.
 *
 * @throws {VarveError} `E_PRECONDITION` there is nothing to run · `E_FORMAT` a string holds a NUL
 */
export function runtimeSpec(input: SpecInput): RuntimeSpec {
  const { config, options, user, consoleSize, init } = input;
  const command = commandLine(config, options);
  // Others than root lose these anyway, when the program starts.
  const held = user.uid === 0 ? CAPABILITIES : [];
  return {
    ociVersion: "1.0.2",
    root: { path: input.root, readonly: input.readOnly },
    hostname: input.hostname,
    process: {
      terminal: options.tty ?? false,
      ...(consoleSize === null
        ? {}
        : { consoleSize: { height: consoleSize.rows, width: consoleSize.columns } }),
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
      // The runtime adds the devices that every container has.
      resources: { devices: [{ allow: false, access: "rwm" }] },
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
    },
  };
}

function mountsOf({ volumes, init }: SpecInput): SpecMount[] {
  // A volume must lie on those whose targets lead to it.
  const sorted = volumes.toSorted((a, b) => depth(a.target) - depth(b.target));
  const all = init === null
    ? sorted
    : [...sorted, { source: init, target: INIT_TARGET, readOnly: true }];
  return [
    ...KERNEL_MOUNTS,
    ...all.map(({ source, target, readOnly }) => ({
      destination: target,
      type: "bind",
      source,
      options: ["rbind", "rprivate", readOnly ? "ro" : "rw"],
    })),
  ];
}

function depth(path: string): number {
  return path.split("/").length;
}
