/**
 * The rooms of `lib/`, lowest first, and what each may import from outside.
 *
 * A room imports from itself and from rooms above it in this table; another room
 * only through one of its doors. This table is the only place to change when a
 * room or a dependency comes; the reasons stand in the commit that changes it.
 */

/** One room: a folder of `lib/`, or the file `errors.ts`. */
export interface Room {
  readonly name: string;
  /** A pure room has no effects: `plugin.ts` forbids it clocks, files, network, chance and timers. */
  readonly pure: boolean;
  /** Sub-folders whose `mod.ts` is a door beside the room's own. */
  readonly doors?: readonly string[];
  /** Allowed packages by name: `@std/x`, `npm:x`, `node:x`; `deno.json` for the version. */
  readonly packages: readonly string[];
  /** Packages that one named file alone may import. */
  readonly onlyIn?: Readonly<Record<string, string>>;
}

/** What every room may have: internal invariants, joining and limiting streams. */
const EVERYWHERE: readonly string[] = ["@std/assert", "@std/streams"];

export const ROOMS: readonly Room[] = [
  { name: "errors.ts", pure: true, packages: [] },
  { name: "bytes", pure: true, packages: EVERYWHERE },
  {
    name: "digest",
    pure: true,
    packages: [...EVERYWHERE, "@std/crypto"],
    onlyIn: { "node:crypto": "lib/digest/node_crypto.ts" },
  },
  { name: "oci", pure: true, packages: EVERYWHERE },
  { name: "tree", pure: true, packages: EVERYWHERE },
  { name: "layer", pure: true, packages: [...EVERYWHERE, "@std/tar"] },
  {
    name: "codec",
    pure: true,
    doors: ["tar", "compress", "erofs"],
    packages: [...EVERYWHERE, "@std/tar"],
    onlyIn: { "node:zlib": "lib/codec/compress/node_zlib.ts" },
  },
  { name: "linux", pure: false, packages: EVERYWHERE },
  { name: "pool", pure: false, packages: EVERYWHERE },
  { name: "store", pure: false, packages: [...EVERYWHERE, "node:sqlite"] },
  { name: "archive", pure: false, packages: [...EVERYWHERE, "@std/tar"] },
  {
    name: "registry",
    pure: false,
    doors: ["jobs"],
    packages: [...EVERYWHERE, "node:http", "npm:smol-toml"],
    onlyIn: {
      "node:tls": "lib/registry/unverified_relay.ts",
      "node:stream": "lib/registry/unverified_relay.ts",
    },
  },
  { name: "snapshot", pure: false, doors: ["jobs"], packages: EVERYWHERE },
  { name: "container", pure: false, packages: EVERYWHERE },
  {
    name: "containerd",
    pure: false,
    packages: [...EVERYWHERE, "node:http2", "node:net", "npm:@bufbuild/protobuf"],
  },
  { name: "explore", pure: false, packages: EVERYWHERE },
  {
    name: "cli",
    pure: false,
    packages: [
      ...EVERYWHERE,
      "@std/tar",
      "deno.json",
      "npm:commander",
      "npm:cli-progress",
      "npm:cli-table3",
    ],
  },
];

/** The one file of `lib/` that also imports the worker entries, so that one binary holds them. */
export const MAIN = "lib/cli/main.ts";

/** The one file that names worker URLs. */
export const SPAWN = "lib/pool/spawn.ts";

/** The place of a room in {@linkcode ROOMS}, or -1. */
export function roomIndex(name: string): number {
  return ROOMS.findIndex((room) => room.name === name);
}

/** The room of a path like `lib/oci/mod.ts`, or undefined where it lies in none. */
export function roomOf(path: string): Room | undefined {
  const [top, name] = path.split("/");
  return top === "lib" ? ROOMS.find((room) => room.name === name) : undefined;
}

/** Whether another room may import `path`. */
export function isDoor(path: string): boolean {
  const room = roomOf(path);
  if (room === undefined) return false;
  if (path === `lib/${room.name}`) return true;
  if (path === `lib/${room.name}/mod.ts`) return true;
  return (room.doors ?? []).some((door) => path === `lib/${room.name}/${door}/mod.ts`);
}
