/** Random files in real directories, and random changes of them: the same for the same seed. */
import { asByteString, type ByteString, fromText, timestamp } from "../../../lib/bytes/mod.ts";
import {
  chmodAt,
  chownAt,
  CWD,
  existsAt,
  type Fd,
  isErrno,
  linkAt,
  mkdirAt,
  mknodAt,
  Open,
  openAt,
  openDirectoryAt,
  ownFd,
  readDirectory,
  removeTree,
  renameAt,
  setXattrAt,
  statAt,
  symlinkAt,
  truncateFd,
  unlinkAt,
  utimensAt,
  writeFd,
} from "../../../lib/linux/mod.ts";
import type { Prng } from "../prng.ts";

/** The last one has 255 bytes: its whiteout would be longer than a name can be. */
const NAMES = ["a", "b", "c", "dd", "a.b", "x y", "\xff\xfe", "n\n", "l".repeat(255)]
  .map(asByteString);
const MODES = [0o755, 0o700, 0o1777, 0o2750, 0o644, 0o4755];

/** A name of a directory that is open. */
interface Place {
  readonly directory: ByteString;
  readonly name: ByteString;
}

/** Makes up to `count` names below a directory, hard links across directories among them. */
export function growFiles(random: Prng, root: string, count: number): void {
  for (let i = 0; i < count; i++) {
    const { directories, leaves } = look(fromText(root));
    const place = { directory: random.pick(directories), name: random.pick(NAMES) };
    at(place, (fd) => {
      if (!existsAt(fd, place.name)) make(random, fd, place.name, leaves);
    });
  }
}

/** Makes `count` changes below a directory: removes, replaces, renames, writes, and sets attributes. */
export function changeFiles(random: Prng, root: string, count: number): void {
  for (let i = 0; i < count; i++) {
    const { directories, leaves } = look(fromText(root));
    const all = [...leaves, ...directories.slice(1).map(placeOf)];
    const kind = random.int(0, 9);
    if (kind < 2 || all.length === 0) {
      growFiles(random, root, 1);
      continue;
    }
    if (kind === 8 && random.chance(0.3)) {
      attributes(random, CWD, fromText(root), "directory");
      continue;
    }
    const place = random.pick(all);
    at(place, (fd) => change(random, fd, place, kind, { directories, leaves }));
  }
}

function change(
  random: Prng,
  fd: Fd,
  { name }: Place,
  kind: number,
  { directories, leaves }: { directories: readonly ByteString[]; leaves: readonly Place[] },
): void {
  const { type } = statAt(fd, name);
  switch (kind) {
    case 2:
    case 3:
      removeTree(fd, name);
      // Half of the time the name is used again.
      if (random.chance(0.5)) make(random, fd, name, []);
      return;
    case 4: {
      using to = ownFd(openDirectoryAt(CWD, random.pick(directories)));
      try {
        renameAt(fd, name, to.fd, random.pick(NAMES));
      } catch (error) {
        // A rename into itself, over a directory, or of a directory of a lower: it changes nothing.
        if (!isErrno(error, "EINVAL", "ENOTEMPTY", "EEXIST", "EISDIR", "ENOTDIR", "EXDEV")) {
          throw error;
        }
      }
      return;
    }
    case 5:
      if (type === "file") write(random, fd, name);
      else attributes(random, fd, name, type);
      return;
    case 6: {
      // The same attributes again: an overlay copies the file up all the same.
      const { mode, mtime } = statAt(fd, name);
      if (type !== "symlink") chmodAt(fd, name, mode);
      utimensAt(fd, name, mtime);
      return;
    }
    case 7:
      if (type === "directory") return;
      unlinkAt(fd, name);
      make(random, fd, name, leaves.filter((leaf) => leaf.name !== name));
      return;
    default:
      attributes(random, fd, name, type);
  }
}

function make(random: Prng, fd: Fd, name: ByteString, leaves: readonly Place[]): void {
  const kind = random.int(0, 12);
  if (kind < 3) {
    mkdirAt(fd, name);
    attributes(random, fd, name, "directory");
  } else if (kind < 5 && leaves.length > 0) {
    const from = random.pick(leaves);
    at(from, (source) => linkAt(source, from.name, fd, name));
  } else if (kind < 8) {
    write(random, fd, name);
    attributes(random, fd, name, "file");
  } else if (kind < 10) {
    symlinkAt(fromText(random.pick(["a", "/etc/x", "../b", "\u00e4"])), fd, name);
    attributes(random, fd, name, "symlink");
  } else {
    const type = random.pick(["fifo", "char", "block"] as const);
    if (type === "fifo") mknodAt(fd, name, type, 0o600);
    else mknodAt(fd, name, type, 0o600, 1, random.int(3, 300));
    attributes(random, fd, name, type);
  }
}

function write(random: Prng, fd: Fd, name: ByteString): void {
  using file = ownFd(openAt(fd, name, Open.WRITE | Open.CREATE | Open.TRUNCATE, 0o600));
  const size = random.pick([0, 1, 511, 512, 513, 5000]);
  writeFd(file.fd, random.bytes(size));
  if (random.chance(0.1)) truncateFd(file.fd, 3 * 1024 * 1024 + random.int(0, 5000));
}

function attributes(random: Prng, fd: Fd, name: ByteString, type: string): void {
  chownAt(fd, name, random.pick([0, 1, 65534, 4_000_000]), random.pick([0, 2]));
  if (type !== "symlink") chmodAt(fd, name, random.pick(MODES));
  if (random.chance(0.2) && (type === "file" || type === "directory")) {
    const value = asByteString(String.fromCharCode(...random.bytes(random.int(0, 20))));
    setXattrAt(fd, name, random.pick(["user.a", "user.b"].map(asByteString)), value);
  }
  if (random.chance(0.7)) {
    utimensAt(fd, name, timestamp(random.pick([0, -5, 1_600_000_000]), random.int(0, 1e9)));
  }
}

function placeOf(path: ByteString): Place {
  const slash = path.lastIndexOf("/");
  return {
    directory: path.slice(0, slash) as ByteString,
    name: path.slice(slash + 1) as ByteString,
  };
}

function at(place: Place, act: (directory: Fd) => void): void {
  using directory = ownFd(openDirectoryAt(CWD, place.directory));
  act(directory.fd);
}

/** All directories, the root first, and all other names. Both are sorted: each file system lists names in an order of its own. */
function look(root: ByteString): { directories: ByteString[]; leaves: Place[] } {
  const directories = [root];
  const leaves: Place[] = [];
  for (let i = 0; i < directories.length; i++) {
    const path = directories[i] as ByteString;
    using directory = ownFd(openDirectoryAt(CWD, path));
    const names = [...readDirectory(directory.fd)].sort((a, b) => a.name < b.name ? -1 : 1);
    for (const { name, type } of names) {
      if (type === "directory") directories.push(`${path}/${name}` as ByteString);
      else leaves.push({ directory: path, name });
    }
  }
  return { directories, leaves };
}
