/** Compares two directories in everything that an image says of a file system. */
import { createHash } from "node:crypto";
import { type ByteString, escapeForTerminal, fromText, secondsOf } from "../../../lib/bytes/mod.ts";
import {
  CWD,
  type Fd,
  getXattrAt,
  listXattrAt,
  Open,
  openAt,
  openDirectoryAt,
  ownFd,
  readDirectory,
  readFd,
  readLinkAt,
  type Stat,
  statAt,
  statFd,
} from "../../../lib/linux/mod.ts";

/** What is compared. */
export interface CompareOptions {
  /**
   * Link counts of all but directories; true when absent. Overlay shows too many where a higher layer
   * replaced a hard link.
   */
  readonly links?: boolean;
}

/** Paths without leading slash, and a line for each that says everything but its name. */
export type Listing = ReadonlyMap<string, string>;

/** Lists a directory; names that are no printable UTF-8 are escaped. */
export function listDirectory(path: string): Listing {
  const out = new Map<string, string>();
  const digests = new Map<string, string>();
  using root = ownFd(openAt(CWD, fromText(path), Open.READ | Open.DIRECTORY));
  out.set("", describe(root.fd, "." as ByteString, statFd(root.fd), digests));
  visit(root.fd, "", out, digests);
  return out;
}

/**
 * What differs between a directory and another one, or the listing of that: a line for each path,
 * none when they are the same.
 */
export function differences(
  actual: string,
  expected: string | Listing,
  { links = true }: CompareOptions = {},
): string[] {
  const left = listDirectory(actual);
  const right = typeof expected === "string" ? listDirectory(expected) : expected;
  const lineOf = (listing: Listing, path: string) => {
    const line = listing.get(path) ?? "absent";
    return links ? line : line.replace(LINKS, "$1");
  };
  const out: string[] = [];
  for (const path of new Set([...left.keys(), ...right.keys()])) {
    const [one, other] = [lineOf(left, path), lineOf(right, path)];
    if (one !== other) out.push(`${path}: ${one} | ${other}`);
  }
  return out.sort();
}

/** The number of links in a line: it follows type, mode, owner and time. */
const LINKS = /^(\S+ \S+ \S+ \S+) links [0-9]+/;

function visit(
  directory: Fd,
  prefix: string,
  out: Map<string, string>,
  digests: Map<string, string>,
): void {
  for (const { name } of readDirectory(directory)) {
    const stat = statAt(directory, name);
    const path = prefix + escapeForTerminal(name);
    out.set(path, describe(directory, name, stat, digests));
    if (stat.type !== "directory") continue;
    using child = ownFd(openDirectoryAt(directory, name));
    visit(child.fd, `${path}/`, out, digests);
  }
}

function describe(
  directory: Fd,
  name: ByteString,
  stat: Stat,
  digests: Map<string, string>,
): string {
  const parts = [
    stat.type,
    stat.mode.toString(8),
    `${stat.uid}:${stat.gid}`,
    `${secondsOf(stat.mtime)}.${stat.mtime.ns}`,
  ];
  if (stat.type !== "directory") parts.push(`links ${stat.nlink}`);
  if (stat.type === "symlink") parts.push(escapeForTerminal(readLinkAt(directory, name)));
  if (stat.type === "char" || stat.type === "block") parts.push(`${stat.major},${stat.minor}`);
  if (stat.type === "file") parts.push(String(stat.size), digestOf(directory, name, stat, digests));
  for (const xattr of listXattrAt(directory, name).sort()) {
    if (xattr.startsWith("trusted.overlay.")) continue;
    parts.push(
      `${xattr}=${escapeForTerminal(getXattrAt(directory, name, xattr) ?? "" as ByteString)}`,
    );
  }
  return parts.join(" ");
}

function digestOf(
  directory: Fd,
  name: ByteString,
  stat: Stat,
  digests: Map<string, string>,
): string {
  const key = `${stat.device}:${stat.inode}`;
  const known = stat.nlink > 1 ? digests.get(key) : undefined;
  if (known !== undefined) return known;
  using file = ownFd(openAt(directory, name, Open.READ | Open.NO_FOLLOW));
  const hash = createHash("sha256");
  const buffer = new Uint8Array(256 * 1024);
  for (let n = readFd(file.fd, buffer); n > 0; n = readFd(file.fd, buffer)) {
    hash.update(buffer.subarray(0, n));
  }
  const digest = hash.digest("hex");
  digests.set(key, digest);
  return digest;
}
