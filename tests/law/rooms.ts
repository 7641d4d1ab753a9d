/**
 * The rooms of `lib/`, lowest first, and the packages that each may import.
 *
 * A file imports from its own room and from rooms that come before it in this table; from another
 * room only through one of its doors. This table is the only place to change when a room or a
 * dependency is added; the commit that changes it says why. `ARCHITECTURE.md` shows the same table,
 * generated from this one.
 */

/** One room: a folder of `lib/`, or the file `errors.ts`. */
export interface Room {
  readonly name: string;
  /** What lives there, in one line; `ARCHITECTURE.md` shows it. */
  readonly holds: string;
  /** A pure room has no effects: `plugin.ts` forbids clocks, files, network, randomness and timers. */
  readonly pure: boolean;
  /** Sub-folders whose `mod.ts` is a door, too. */
  readonly parts?: readonly string[];
  /** Packages that the whole room may import: `@std/x`, `npm:x`, `node:x`, or `deno.json`. */
  readonly packages: readonly string[];
  /** Packages that only one file may import: package → path of the file. */
  readonly onlyIn?: Readonly<Record<string, string>>;
}

/** Packages for every room: assertions of invariants, joining and limiting of streams. */
const EVERYWHERE: readonly string[] = ["@std/assert", "@std/streams"];

export const ROOMS: readonly Room[] = [
  {
    name: "bytes",
    holds: "byte strings (file names are bytes, not text), hex, joins, escapes for terminals",
    pure: true,
    packages: EVERYWHERE,
  },
  {
    name: "errors.ts",
    holds: "`VarveError`, its codes, its wire form across threads",
    pure: true,
    packages: [],
  },
  {
    name: "digest",
    holds: "the `Digest` value, hashers, verifying byte streams",
    pure: true,
    packages: [...EVERYWHERE, "@std/crypto", "npm:@noble/hashes"],
    onlyIn: { "node:crypto": "lib/digest/node_crypto.ts" },
  },
  {
    name: "oci",
    holds: "descriptor, manifest, index, config, reference, platform, media types, strict JSON",
    pure: true,
    packages: EVERYWHERE,
  },
  {
    name: "tree",
    holds: "immutable trees of nodes: packed form, tree digest, look-up, edit, merge",
    pure: true,
    packages: EVERYWHERE,
  },
  {
    name: "layer",
    holds: "tar entries → layer tree, whiteouts, apply, diff, squash, rebase, chainIDs",
    pure: true,
    packages: [...EVERYWHERE, "@std/tar"],
  },
  {
    name: "codec",
    holds: "bytes ↔ values: `tar/`, `compress/` (gzip, zstd), `erofs/`",
    pure: true,
    parts: ["tar", "compress", "erofs"],
    packages: [...EVERYWHERE, "@std/tar"],
    onlyIn: { "node:zlib": "lib/codec/compress/node_zlib.ts" },
  },
  {
    name: "linux",
    holds: "system calls by FFI: files, xattrs, mounts, syncs; libisal",
    pure: false,
    packages: EVERYWHERE,
  },
  {
    name: "pool",
    holds: "worker threads: jobs, protocol, scheduling, back-pressure, bounded parallelism",
    pure: false,
    packages: EVERYWHERE,
  },
  {
    name: "layer_job",
    holds: "bytes → proved layer: inflate stage, scan stage, outputs, verdict; the compression job",
    pure: false,
    packages: EVERYWHERE,
  },
  {
    name: "store",
    holds: "blobs, layers, image names, snapshot rows, leases: the contract, `memory/` and `disk/`",
    pure: false,
    packages: [...EVERYWHERE, "node:sqlite"],
  },
  {
    name: "directory",
    holds: "trees ↔ plain files: `scan/`, `extract/`, copies, usage",
    pure: false,
    packages: EVERYWHERE,
  },
  {
    name: "image",
    holds: "`ImageSource` and `ImageSink`, ingest, plan; append, rebase, squash, compress, export",
    pure: false,
    packages: [...EVERYWHERE, "@std/tar"],
  },
  {
    name: "archive",
    holds: "docker-archive and OCI layout as sources and sinks",
    pure: false,
    packages: [...EVERYWHERE, "@std/tar"],
  },
  {
    name: "registry",
    holds: "the distribution-spec client: `http/`, `auth/`, `config/`, `client/`, `transfer/`",
    pure: false,
    packages: EVERYWHERE,
    onlyIn: {
      "npm:smol-toml": "lib/registry/config/hosts_file.ts",
      "npm:tldts": "lib/registry/auth/realm_trust.ts",
      "node:dns/promises": "lib/registry/http/address_rule.ts",
      "node:tls": "lib/registry/http/relay/unverified_relay.ts",
      "node:stream": "lib/registry/http/relay/unverified_relay.ts",
    },
  },
  {
    name: "registry_server",
    holds: "a registry over the store, on loopback",
    pure: false,
    packages: [...EVERYWHERE, "node:http"],
  },
  {
    name: "compose",
    holds: "chain → EROFS image, and its shared mounts",
    pure: false,
    packages: EVERYWHERE,
  },
  {
    name: "snapshot",
    holds: "the snapshotter: contract, state machine, `drivers/`, mount leases, image labels",
    pure: false,
    packages: EVERYWHERE,
  },
  {
    name: "mount",
    holds: "mounts, unmounts and unpacks images",
    pure: false,
    packages: EVERYWHERE,
  },
  {
    name: "commit",
    holds: "snapshot → layer → image; export of snapshots; import of directories",
    pure: false,
    packages: EVERYWHERE,
  },
  {
    name: "lazy",
    holds: "mounts before the bytes are here",
    pure: false,
    packages: EVERYWHERE,
  },
  {
    name: "container",
    holds: "runs images: OCI bundle, runc, crun or util-linux",
    pure: false,
    packages: EVERYWHERE,
  },
  {
    name: "containerd",
    holds: "gRPC services for containerd: snapshots, diff",
    pure: false,
    packages: [
      ...EVERYWHERE,
      "npm:@grpc/grpc-js",
      "npm:@bufbuild/protobuf",
      "node:buffer",
      "node:events",
      "node:net",
    ],
    onlyIn: { "npm:smol-toml": "lib/containerd/check/judge_config.ts" },
  },
  {
    name: "upkeep",
    holds: "fsck, verify, prune, df, why, backup",
    pure: false,
    packages: EVERYWHERE,
  },
  {
    name: "explore",
    holds: "the layer explorer: what each layer does, waste, rules, the HTML page",
    pure: true,
    packages: EVERYWHERE,
    onlyIn: {
      "npm:picomatch": "lib/explore/rules/path_globs.ts",
      "npm:js-yaml": "lib/explore/rules/parse_rules.ts",
    },
  },
  {
    name: "cli",
    holds: "arguments → command → report; the only reader of the environment",
    pure: false,
    packages: [
      ...EVERYWHERE,
      "@std/tar",
      "deno.json",
      "npm:commander",
      "npm:cli-progress",
      "npm:diff",
    ],
  },
];

/**
 * The one file that names worker URLs, and that imports the worker entries, so that they are in the module
 * graph of every program that starts workers. It never runs these imports.
 */
export const SPAWN = "lib/pool/spawn.ts";

/** The position of a room in {@linkcode ROOMS}, or -1. */
export function roomIndex(name: string): number {
  return ROOMS.findIndex((room) => room.name === name);
}

/** The room of a path such as `lib/oci/mod.ts`, or undefined where it is in none. */
export function roomOf(path: string): Room | undefined {
  const [top, name] = path.split("/");
  return top === "lib" ? ROOMS.find((room) => room.name === name) : undefined;
}

/** A file through which a room may be imported from outside. */
export type Door =
  /** For users of the library, and for other rooms. */
  | "mod"
  /** For other rooms only; `deno.json` does not export it. */
  | "internal"
  /** For worker entries only, so that a worker loads no more than its jobs need. */
  | "jobs";

/** Which door a path is, or undefined where it is none. */
export function doorOf(path: string): Door | undefined {
  const room = roomOf(path);
  if (room === undefined) return undefined;
  const folder = `lib/${room.name}`;
  if (path === folder || path === `${folder}/mod.ts`) return "mod";
  if (path === `${folder}/internal.ts`) return "internal";
  if (path === `${folder}/jobs.ts`) return "jobs";
  return (room.parts ?? []).some((part) => path === `${folder}/${part}/mod.ts`) ? "mod" : undefined;
}
