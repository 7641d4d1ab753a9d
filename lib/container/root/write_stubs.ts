import { type ByteString, EPOCH, type Timestamp } from "../../bytes/mod.ts";
import { copyAttributesFd } from "../../directory/internal.ts";
import {
  chmodFd,
  type Fd,
  mkdirAt,
  Open,
  openAt,
  openBeneath,
  type OwnedFd,
  ownFd,
  Resolve,
  statFd,
  tryStatAt,
  utimensFd,
} from "../../linux/mod.ts";
import { parentPath } from "../../tree/internal.ts";
import type { Want } from "./stubs.ts";

/** Modes of stubs, as Docker makes them. */
const DIRECTORY_MODE = 0o755, FILE_MODE = 0o644;

/**
 * Makes stubs in a separate directory, which becomes the topmost lower of an overlay. The directories that lead to the
 * stubs get the same attributes as in the root, so that the merged root differs only by the stubs.
 *
 * @param directory the lower, open for reading or with `O_PATH`
 * @param merged the root without the stubs, open for reading or with `O_PATH`
 * @param stubs what to make, parents first
 */
export function writeInitLayer(directory: Fd, merged: Fd, stubs: readonly Want[]): void {
  const times = timesOf(merged, stubs);
  for (const { path, type } of stubs) {
    for (const parent of parentsOf(path)) makeDirectory(directory, parent);
    if (type === "directory") makeDirectory(directory, path);
    else makeFile(directory, path);
  }
  for (const { path } of stubs) setAttributes(directory, path, times);
  for (const path of times.keys()) {
    using from = openDirectory(merged, path);
    using to = openDirectory(directory, path);
    copyAttributesFd(from.fd, to.fd);
  }
}

/** Makes stubs in the root itself. The directories that get stubs keep their times. */
export function writeStubs(root: Fd, stubs: readonly Want[]): void {
  const times = timesOf(root, stubs);
  for (const { path, type } of stubs) {
    if (type === "directory") makeDirectory(root, path);
    else makeFile(root, path);
  }
  for (const { path } of stubs) setAttributes(root, path, times);
  for (const [path, time] of times) {
    using directory = openDirectory(root, path);
    utimensFd(directory.fd, time);
  }
}

/** Returns the times of the directories that exist and lead to stubs, by path. */
function timesOf(merged: Fd, stubs: readonly Want[]): Map<ByteString, Timestamp> {
  const made = new Set(stubs.map(({ path }) => path));
  const times = new Map<ByteString, Timestamp>();
  for (const path of stubs.flatMap(({ path }) => parentsOf(path))) {
    if (made.has(path) || times.has(path)) continue;
    using directory = openDirectory(merged, path);
    times.set(path, statFd(directory.fd).mtime);
  }
  return times;
}

/** Sets the mode and the time of a stub. The time is that of the nearest directory that existed before. */
function setAttributes(
  target: Fd,
  path: ByteString,
  times: ReadonlyMap<ByteString, Timestamp>,
): void {
  let parent = parentOf(path);
  while (!times.has(parent) && parent !== "/") parent = parentOf(parent);
  using stub = open(target, path, Open.READ);
  chmodFd(stub.fd, statFd(stub.fd).type === "directory" ? DIRECTORY_MODE : FILE_MODE);
  utimensFd(stub.fd, times.get(parent) ?? EPOCH);
}

function makeDirectory(root: Fd, path: ByteString): void {
  if (path === "/") return;
  using parent = openDirectory(root, parentOf(path));
  const name = nameOf(path);
  if (tryStatAt(parent.fd, name) === undefined) mkdirAt(parent.fd, name, DIRECTORY_MODE);
}

function makeFile(root: Fd, path: ByteString): void {
  using parent = openDirectory(root, parentOf(path));
  const flags = Open.WRITE | Open.CREATE | Open.NO_FOLLOW | Open.NONBLOCK;
  using _ = ownFd(openAt(parent.fd, nameOf(path), flags, FILE_MODE));
}

function openDirectory(root: Fd, path: ByteString): OwnedFd {
  return open(root, path, Open.READ | Open.DIRECTORY);
}

function open(root: Fd, path: ByteString, flags: number): OwnedFd {
  return ownFd(openBeneath(root, (path.slice(1) || ".") as ByteString, {
    flags: flags | Open.NO_FOLLOW | Open.NONBLOCK,
    resolve: Resolve.BENEATH | Resolve.NO_SYMLINKS,
  }));
}

function parentOf(path: ByteString): ByteString {
  return (parentPath(path) || "/") as ByteString;
}

function nameOf(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf("/") + 1) as ByteString;
}

/** Paths of all directories above a path, the root first. */
function parentsOf(path: ByteString): ByteString[] {
  const out: ByteString[] = [];
  for (let at = path.indexOf("/", 1); at > 0; at = path.indexOf("/", at + 1)) {
    out.push(path.slice(0, at) as ByteString);
  }
  return ["/" as ByteString, ...out];
}
