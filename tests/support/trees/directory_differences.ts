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

/** What is not compared. */
export interface CompareOptions {
  /** Link counts of anything but directories; overlay shows too many where a higher layer cut one. */
  readonly links?: boolean;
  /** Paths (no leading slash) for which something is allowed to differ. */
  readonly except?: (path: string) => boolean;
}

/** One line a path: everything but its name. */
export type Listing = Map<string, string>;

/** Lists a directory; names that are no printable UTF-8 are escaped. */
export function listDirectory(path: string, options: CompareOptions = {}): Listing {
  const out: Listing = new Map();
  const digests = new Map<string, string>();
  using root = ownFd(openAt(CWD, fromText(path), Open.READ | Open.DIRECTORY));
  out.set("", describe(root.fd, "." as ByteString, statFd(root.fd), options, digests));
  visit(root.fd, "", out, options, digests);
  return out;
}

/** What differs between two directories, a line a path; empty when they are the same. */
export function differences(a: string, b: string, options: CompareOptions = {}): string[] {
  const [left, right] = [listDirectory(a, options), listDirectory(b, options)];
  const out: string[] = [];
  for (const path of new Set([...left.keys(), ...right.keys()])) {
    if (left.get(path) === right.get(path) || options.except?.(path)) continue;
    out.push(`${path}: ${left.get(path) ?? "absent"} | ${right.get(path) ?? "absent"}`);
  }
  return out.sort();
}

function visit(
  directory: Fd,
  prefix: string,
  out: Listing,
  options: CompareOptions,
  digests: Map<string, string>,
): void {
  for (const { name } of readDirectory(directory)) {
    const stat = statAt(directory, name);
    const path = prefix + escapeForTerminal(name);
    out.set(path, describe(directory, name, stat, options, digests));
    if (stat.type !== "directory") continue;
    using child = ownFd(openDirectoryAt(directory, name));
    visit(child.fd, `${path}/`, out, options, digests);
  }
}

function describe(
  directory: Fd,
  name: ByteString,
  stat: Stat,
  options: CompareOptions,
  digests: Map<string, string>,
): string {
  const parts = [
    stat.type,
    stat.mode.toString(8),
    `${stat.uid}:${stat.gid}`,
    `${secondsOf(stat.mtime)}.${stat.mtime.ns}`,
  ];
  if (stat.type !== "directory" && options.links !== false) parts.push(`links ${stat.nlink}`);
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
