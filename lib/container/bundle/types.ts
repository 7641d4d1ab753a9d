/** The parts of an OCI runtime configuration that varve writes (runtime-spec 1.0.2, config.md and config-linux.md). */

/** One mount inside a container. */
export interface SpecMount {
  /** Absolute path inside. */
  readonly destination: string;
  /** Type of the file system, or `bind`. */
  readonly type: string;
  /** What is mounted. */
  readonly source: string;
  /** Options as mount(8) knows them. */
  readonly options: readonly string[];
}

/** Capabilities by set. */
export interface SpecCapabilities {
  /** What no program can exceed. */
  readonly bounding: readonly string[];
  /** What holds at the start. */
  readonly effective: readonly string[];
  /** What a program may raise. */
  readonly permitted: readonly string[];
}

/** The first process. */
export interface SpecProcess {
  /** Whether the runtime makes a terminal for it. */
  readonly terminal: boolean;
  /** Size of the terminal, in characters. */
  readonly consoleSize?: { readonly height: number; readonly width: number } | undefined;
  /** Who it runs as. */
  readonly user: {
    readonly uid: number;
    readonly gid: number;
    readonly umask: number;
    readonly additionalGids: readonly number[];
  };
  /** Program and arguments. */
  readonly args: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  /** Where it starts. */
  readonly cwd: string;
  /** What it may do. */
  readonly capabilities: SpecCapabilities;
  /** Whether set-user-ID programs have no effect. */
  readonly noNewPrivileges: boolean;
}

/** `config.json` of a bundle. */
export interface RuntimeSpec {
  /** Version of the specification. */
  readonly ociVersion: string;
  /** The root directory. */
  readonly root: { readonly path: string; readonly readonly: boolean };
  /** Name of the machine. */
  readonly hostname: string;
  /** The first process. */
  readonly process: SpecProcess;
  /** Mounts, in this order. */
  readonly mounts: readonly SpecMount[];
  /** What only Linux has. */
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
