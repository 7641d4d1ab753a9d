/**
 * The permissions of Deno that each verb needs: a test proves them, and the README shows them.
 *
 * Words in capital letters stand for values: {@linkcode WORDS} explains them.
 */

/** Verbs that need the same permissions. */
export interface PermissionRow {
  /** The verbs, as the table shows them. */
  readonly verbs: readonly string[];
  /** Flags besides {@linkcode STORE_FLAGS}. */
  readonly flags: readonly string[];
  /** Whether the verbs need no store, and so none of its flags. */
  readonly isWithoutStore?: boolean;
  /** Whether the verbs need root and the right to mount. */
  readonly isPrivileged?: boolean;
  /** Command lines that the test runs, in this order. The first needs every flag. */
  readonly commands: readonly (readonly string[])[];
}

/** Flags of every verb that opens the store. */
export const STORE_FLAGS: readonly string[] = [
  "--allow-env='VARVE_*'",
  "--allow-sys=uid",
  "--allow-read=STORE",
  "--allow-write=STORE",
];

/** What the words in the flags stand for. */
export const WORDS: Readonly<Record<string, string>> = {
  STORE: "the directory of the store",
  LIBC: "libc, such as `/lib/x86_64-linux-gnu/libc.so.6`",
  SOURCE: "the archive, tar, directory or file of rules that is read",
  TEMPORARY: "the directory for temporary files: `TMPDIR`, else `/tmp`",
  DIR: "the directory that the file is written into",
  REGISTRY: "host and port of each registry, and of its token server",
  ADDRESS: "host and port",
  SETTINGS: "`~/.config/varve/certs.d`, `/etc/containerd/certs.d`, `~/.docker/config.json`, " +
    "`~/.config/containers/auth.json`, `/run/containers/UID/auth.json`",
  VARIABLES:
    "`SSL_CERT_FILE`, `REGISTRY_AUTH_FILE`, `XDG_RUNTIME_DIR`, `XDG_CONFIG_HOME`, `HOME`, " +
    "`DOCKER_CONFIG`, `PATH`, `GATEWAY_INTERFACE`, and `http_proxy`, `https_proxy`, `all_proxy`, " +
    "`no_proxy`, also in capitals",
  DOCKER: "`~/.docker`",
  SOCKET: "the directory of the socket",
  PROGRAMS: "the directories of `PATH`",
  CODE: "the clone of varve",
};

const FFI = "--allow-ffi=LIBC";
const DATE = "--allow-env=SOURCE_DATE_EPOCH";
const REGISTRY: readonly string[] = [
  "--allow-net=REGISTRY",
  "--allow-env=VARIABLES",
  "--allow-read=SETTINGS",
];

/** All verbs, with their flags. */
export const PERMISSION_ROWS: readonly PermissionRow[] = [
  {
    verbs: ["--version", "--help"],
    flags: [],
    isWithoutStore: true,
    commands: [["--version"], ["--help"], ["load", "--help"]],
  },
  {
    verbs: ["version", "completions", "help"],
    flags: ["--allow-env='VARVE_*'"],
    isWithoutStore: true,
    commands: [["version"], ["completions", "bash"], ["help", "names"], ["help", "--man", "ls"]],
  },
  {
    verbs: [
      ..."images inspect history layers ls cat stat find grep du tree diff explore tag index rmi gc prune df why lease ps config fsck verify"
        .split(
          " ",
        ),
      "save > FILE",
      "export > FILE",
    ],
    flags: [],
    commands: [
      ["images"],
      ["inspect", "app:1"],
      ["history", "app:1"],
      ["layers", "app:1"],
      ["ls", "app:1:/"],
      ["cat", "app:1:/etc/f"],
      ["cat", "app:1:/etc"],
      ["stat", "app:1:/etc/f"],
      ["find", "app:1", "-user", "root"],
      ["du", "app:1", "--by-layer"],
      ["grep", "root", "app:1"],
      ["tree", "app:1"],
      ["diff", "app:1", "app:1"],
      ["explore", "app:1"],
      ["tag", "app:1", "app:2"],
      ["index", "create", "index:1", "app:1", "--annotation", "a=b"],
      ["index", "ls", "index:1"],
      ["rmi", "app:2"],
      ["gc"],
      ["prune", "caches", "--force"],
      ["why", "app:1"],
      ["df", "-v"],
      ["lease", "create", "--id", "a", "app:1"],
      ["lease", "ls"],
      ["lease", "rm", "a"],
      ["ps"],
      ["fsck"],
      ["fsck", "--deep"],
      ["fsck", "--deep", "--repair"],
      ["verify", "app:1"],
      ["config", "ls"],
      ["config", "set", "workers", "2"],
      ["config", "get", "workers"],
      ["save", "app:1"],
      ["export", "app:1"],
    ],
  },
  {
    verbs: ["explore --ci FILE"],
    flags: ["--allow-read=SOURCE"],
    commands: [["explore", "app:1", "--ci", "SOURCE/rules"]],
  },
  {
    verbs: ["explore --port"],
    flags: ["--allow-net=ADDRESS"],
    commands: [["explore", "app:1", "--port", "0"]],
  },
  {
    verbs: ["inspect SOURCE", "history SOURCE", "layers SOURCE"],
    flags: ["--allow-read=SOURCE"],
    commands: [
      ["inspect", "oci-archive:SOURCE/app.tar"],
      ["history", "oci-archive:SOURCE/app.tar"],
      ["layers", "oci-archive:SOURCE/app.tar"],
    ],
  },
  {
    verbs: "explore ls cat stat find grep du tree diff".split(" ").map((verb) => `${verb} SOURCE`),
    flags: ["--allow-read=SOURCE,TEMPORARY", "--allow-write=TEMPORARY"],
    commands: [
      ["explore", "oci-archive:SOURCE/app.tar"],
      ["cat", "oci-archive:SOURCE/app.tar:/etc/f"],
    ],
  },
  { verbs: ["load"], flags: ["--allow-read=SOURCE"], commands: [["load", "SOURCE/app.tar"]] },
  {
    verbs: ["save -o", "export -o", "explore -o"],
    flags: ["--allow-read=DIR", "--allow-write=DIR"],
    commands: [
      ["save", "app:1", "-o", "DIR/app.tar"],
      ["save", "app:1", "--oci-dir", "DIR/app"],
      ["export", "app:1", "-o", "DIR/root.tar"],
      ["explore", "app:1", "-o", "DIR/app.html"],
    ],
  },
  {
    verbs: ["copy FILE FILE"],
    flags: ["--allow-read=SOURCE,DIR", "--allow-write=DIR"],
    commands: [
      ["copy", "oci-archive:SOURCE/app.tar", "oci:DIR/layout"],
      ["copy", "oci:DIR/layout", "docker-archive:DIR/copied.tar"],
    ],
  },
  {
    verbs: ["backup"],
    flags: [FFI, "--allow-read=DIR", "--allow-write=DIR"],
    commands: [["backup", "DIR/backup"]],
  },
  {
    verbs: ["squash", "rebase", "mutate"],
    flags: [DATE],
    commands: [
      ["mutate", "app:1", "mutated:1", "--user", "1"],
      ["squash", "app:1", "small:1"],
      ["rebase", "app:1", "app:1", "app:1", "moved:1"],
    ],
  },
  {
    verbs: ["append", "import TAR"],
    flags: ["--allow-read=SOURCE", DATE],
    commands: [
      ["append", "app:1", "SOURCE/layer.tar", "more:1"],
      ["import", "SOURCE/layer.tar", "tar:1"],
    ],
  },
  {
    verbs: ["import DIRECTORY"],
    flags: ["--allow-read=SOURCE", DATE, FFI],
    commands: [["import", "SOURCE/root", "root:1"]],
  },
  {
    verbs: ["unpack", "cp"],
    flags: [FFI],
    commands: [["cp", "app:1:/etc", "DIR/copied"], ["unpack", "app:1", "DIR/unpacked"]],
  },
  {
    verbs: ["mount", "umount", "snapshot"],
    flags: [FFI],
    isPrivileged: true,
    commands: [
      ["mount", "app:1", "DIR/mounted"],
      ["mount"],
      ["umount", "DIR/mounted"],
      ["snapshot", "prepare", "work", "app:1"],
      ["snapshot", "mounts", "work"],
      ["snapshot", "usage", "work"],
      ["snapshot", "ls"],
      ["snapshot", "rm", "work"],
    ],
  },
  {
    verbs: ["load --mount"],
    flags: ["--allow-read=SOURCE", FFI],
    isPrivileged: true,
    commands: [["load", "SOURCE/app.tar", "--mount", "DIR/mounted"], ["umount", "--all"]],
  },
  {
    verbs: ["run", "start"],
    flags: [
      FFI,
      "--allow-run",
      "--allow-env=PATH",
      "--allow-read=PROGRAMS",
      "--allow-read=/etc/hosts",
      "--allow-read=/etc/resolv.conf",
      "--allow-sys=hostname",
    ],
    isPrivileged: true,
    commands: [["run", "--name", "kept", "app:1", "true"], ["start", "kept"]],
  },
  {
    verbs: ["cp FILE KEY:/PATH"],
    flags: [FFI],
    isPrivileged: true,
    commands: [["cp", "SOURCE/root/f", "kept:/"]],
  },
  {
    verbs: ["cp - KEY:/PATH"],
    flags: [FFI, "--allow-read=TEMPORARY", "--allow-write=TEMPORARY"],
    isPrivileged: true,
    commands: [["cp", "-", "kept:/"]],
  },
  {
    verbs: ["commit"],
    flags: [DATE, FFI],
    isPrivileged: true,
    commands: [["commit", "kept", "committed:1"]],
  },
  {
    verbs: ["pull", "push", "copy", "tags", "digest", "manifest", "catalog", "blob", "delete"],
    flags: REGISTRY,
    commands: [
      ["pull", "REGISTRY/app:1"],
      ["push", "app:1", "REGISTRY/pushed:1"],
      ["copy", "REGISTRY/app:1", "REGISTRY/copied:1"],
      ["tags", "REGISTRY/app"],
      ["digest", "REGISTRY/app:1"],
      ["manifest", "REGISTRY/app:1"],
      ["catalog", "REGISTRY"],
      ["blob", "REGISTRY/app@IMAGE"],
      ["delete", "REGISTRY/copied:1"],
    ],
  },
  {
    verbs: ["login"],
    flags: [...REGISTRY, "--allow-read=DOCKER", "--allow-write=DOCKER"],
    commands: [["login", "-u", "me", "--password-stdin", "REGISTRY"]],
  },
  {
    verbs: ["logout"],
    flags: [
      "--allow-read=DOCKER",
      "--allow-write=DOCKER",
      ...REGISTRY.filter((flag) => flag !== "--allow-net=REGISTRY"),
    ],
    commands: [["logout", "REGISTRY"]],
  },
  {
    verbs: ["serve"],
    flags: [
      "--allow-net",
      "--allow-env='GRPC_*,LISTEN_PID'",
      FFI,
      "--allow-read=SOCKET",
      "--allow-write=SOCKET",
    ],
    isPrivileged: true,
    commands: [["serve", "--socket", "SOCKET/varve.sock"]],
  },
  {
    verbs: ["registry serve"],
    flags: ["--allow-net=ADDRESS"],
    commands: [["registry", "serve", "--listen", "ADDRESS"]],
  },
  {
    verbs: ["doctor"],
    flags: [FFI, "--allow-sys=systemMemoryInfo", "--allow-env=PATH", "--allow-read=PROGRAMS"],
    commands: [["doctor"]],
  },
];
