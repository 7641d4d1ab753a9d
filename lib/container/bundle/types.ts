/**
 * The parts of an OCI runtime configuration that varve writes (runtime-spec 1.0.2, config.md and
 * config-linux.md).
 */

/** One mount inside a container. */
export interface SpecMount {
  /** Absolute path in the container. */
  readonly destination: string;
  /** Type of the file system, or `bind`. */
  readonly type: string;
  /** What is mounted: a path of the host for a bind, else a name. */
  readonly source: string;
  /** Options of mount(8). */
  readonly options: readonly string[];
}

/** Capabilities by set, as `CAP_` names. */
export interface SpecCapabilities {
  /** The bounding set: programs in the container cannot get other capabilities. */
  readonly bounding: readonly string[];
  /** The effective set at the start. */
  readonly effective: readonly string[];
  /** The permitted set: a program may make these effective. */
  readonly permitted: readonly string[];
}

/** The first process of a container. */
export interface SpecProcess {
  /** Whether the runtime gives it a terminal. */
  readonly terminal: boolean;
  /** Size of the terminal in characters. */
  readonly consoleSize?: { readonly height: number; readonly width: number } | undefined;
  /** User, groups and umask of the process. */
  readonly user: {
    readonly uid: number;
    readonly gid: number;
    readonly umask: number;
    readonly additionalGids: readonly number[];
  };
  /** Program and arguments. */
  readonly args: readonly string[];
  /** Environment variables as `NAME=value`. */
  readonly env: readonly string[];
  /** Working directory, an absolute path in the container. */
  readonly cwd: string;
  /** Its capabilities. */
  readonly capabilities: SpecCapabilities;
  /** Whether programs are kept from gaining privileges, for example by set-user-ID. */
  readonly noNewPrivileges: boolean;
}

/** `config.json` of a bundle. */
export interface RuntimeSpec {
  /** Version of the specification. */
  readonly ociVersion: string;
  /** The root directory: its path on the host, and whether it is read-only. */
  readonly root: { readonly path: string; readonly readonly: boolean };
  /** Host name in the container. */
  readonly hostname: string;
  /** The first process of a container. */
  readonly process: SpecProcess;
  /** Mounts, performed in this order. */
  readonly mounts: readonly SpecMount[];
  /** Namespaces, cgroup and paths (config-linux.md). */
  readonly linux: {
    readonly namespaces: readonly { readonly type: string }[];
    readonly cgroupsPath: string;
    readonly resources: {
      readonly devices: readonly { readonly allow: boolean; readonly access: string }[];
    };
    readonly maskedPaths: readonly string[];
    readonly readonlyPaths: readonly string[];
  };
}
