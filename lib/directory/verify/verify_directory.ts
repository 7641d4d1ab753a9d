import { type ByteString, EPOCH, escapeForTerminal, toHex } from "../../bytes/mod.ts";
import {
  effectiveUser,
  type Fd,
  fileErrno,
  getXattrAt,
  getXattrFd,
  readDirectory,
  readLinkAt,
  type Stat,
  statFd,
  tryStatAt,
} from "../../linux/mod.ts";
import {
  type Attributes,
  type DirectoryNode,
  type FileNode,
  list,
  type Node,
  rootOf,
  type Tree,
} from "../../tree/mod.ts";
import type { ExtractPolicy } from "../extract/contract.ts";
import { ContentReader } from "../scan/content_reader.ts";
import { isOpaqueMark, OPAQUE_MARK } from "../scan/overlay_marks.ts";
import { joinPath, openScanned } from "../scan/open_scanned.ts";

/** A place where an extracted directory is not what its tree says. */
export interface ExtractedDifference {
  /** Path in the directory, escaped; `/` is the directory itself. */
  readonly path: string;
  /** What the tree says. */
  readonly expected: string;
  /** What is there. */
  readonly actual: string;
}

/** What is compared. */
export interface VerifyOptions {
  /** The tree that was extracted. */
  readonly tree: Tree;
  /** Descriptor of the directory. */
  readonly root: Fd;
  /** How it was extracted. */
  readonly policy: Pick<ExtractPolicy, "whiteouts" | "devices">;
  /** Called for each entry with 0, and for each read with the number of bytes. It ends the work by throwing. */
  readonly checkpoint: (bytes: number) => void;
}

/** Times up to this one, in seconds since the epoch, are the same on every file system. */
const EVERYWHERE = 0x8000_0000;

/**
 * Compares an extracted directory with its tree: names, types, attributes and the digest of each file. Reads every
 * byte.
 *
 * What an extraction leaves out by its policy, or because the user is not root, is not compared.
 *
 * @returns the first difference; `undefined` when there is none
 * @throws {VarveError} `E_BUSY` something writes to the directory · `E_SYSCALL`
 */
export function verifyDirectory(options: VerifyOptions): ExtractedDifference | undefined {
  return new Verifier(options).run();
}

class Verifier {
  readonly #options: VerifyOptions;
  readonly #contents: ContentReader;
  readonly #rootless = effectiveUser() !== 0;
  /** Digests of the inodes that have several names, so that each is read once. */
  readonly #read = new Map<string, string>();

  constructor(options: VerifyOptions) {
    this.#options = options;
    this.#contents = new ContentReader(options.root);
  }

  run(): ExtractedDifference | undefined {
    const { tree, root } = this.#options;
    const pending: { path: ByteString; node: DirectoryNode }[] = [
      { path: "" as ByteString, node: rootOf(tree) },
    ];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const { path, node } = next;
      using directory = openScanned(root, path);
      const left = new Set([...readDirectory(directory.fd)].map(({ name }) => name));
      for (const { name, node: entry } of list(tree, path)) {
        if (this.#leavesOut(entry)) continue;
        const at = joinPath(path, name);
        this.#options.checkpoint(0);
        left.delete(name);
        const wrong = this.#entry(directory.fd, name, at, entry);
        if (wrong !== undefined) return wrong;
        if (entry.type === "directory") pending.push({ path: at, node: entry });
      }
      const [extra] = left;
      if (extra !== undefined) return difference(joinPath(path, extra), "nothing", "another file");
      // A name that was added or removed changes the time of its directory, so the directory itself comes last.
      const stat = statFd(directory.fd);
      const own = this.#attributes(path, node, stat, (name) => getXattrFd(directory.fd, name)) ??
        this.#opaque(path, node, directory.fd);
      if (own !== undefined) return own;
    }
    return undefined;
  }

  #leavesOut({ type }: Node): boolean {
    const { whiteouts, devices } = this.#options.policy;
    if (type === "whiteout") return whiteouts === "none";
    return (type === "char" || type === "block") && (devices !== "keep" || this.#rootless);
  }

  #entry(
    directory: Fd,
    name: ByteString,
    path: ByteString,
    node: Node,
  ): ExtractedDifference | undefined {
    const stat = tryStatAt(directory, name);
    if (stat === undefined) return difference(path, `a ${node.type}`, "missing");
    if (node.type === "whiteout") {
      const isWhiteout = stat.type === "char" && stat.major === 0 && stat.minor === 0;
      return isWhiteout ? undefined : difference(path, "a whiteout", `a ${stat.type}`);
    }
    if (stat.type !== node.type) return difference(path, `a ${node.type}`, `a ${stat.type}`);
    switch (node.type) {
      case "directory":
        return undefined;
      case "file":
        return this.#file(path, node, stat) ?? this.#named(directory, name, path, node, stat);
      case "symlink": {
        const target = readLinkAt(directory, name);
        if (target !== node.target) {
          return difference(path, `a link to ${node.target}`, `a link to ${target}`);
        }
        break;
      }
      case "char":
      case "block": {
        const wanted = `${node.major}:${node.minor}`, found = `${stat.major}:${stat.minor}`;
        if (wanted !== found) return difference(path, `device ${wanted}`, `device ${found}`);
      }
    }
    return this.#named(directory, name, path, node, stat);
  }

  #named(
    directory: Fd,
    name: ByteString,
    path: ByteString,
    node: Exclude<Node, { type: "whiteout" }>,
    stat: Stat,
  ): ExtractedDifference | undefined {
    return this.#attributes(path, node, stat, (xattr) => getXattrAt(directory, name, xattr));
  }

  #file(path: ByteString, node: FileNode, stat: Stat): ExtractedDifference | undefined {
    if (stat.size !== node.size) {
      return difference(path, `${node.size} bytes`, `${stat.size} bytes`);
    }
    if (node.digest === null) return undefined;
    const inode = `${stat.device} ${stat.inode}`;
    let found = this.#read.get(inode);
    if (found === undefined) {
      try {
        const { digest } = this.#contents.hash(path, this.#options.checkpoint);
        found = digest === null ? "nothing" : toHex(digest);
      } catch (error) {
        const errno = fileErrno(error);
        if (errno !== "EIO") throw error;
        return difference(path, `sha256:${toHex(node.digest)}`, "it cannot be read (EIO)");
      }
      if (stat.nlink > 1) this.#read.set(inode, found);
    }
    const wanted = toHex(node.digest);
    return found === wanted ? undefined : difference(path, `sha256:${wanted}`, `sha256:${found}`);
  }

  #attributes(
    path: ByteString,
    node: Exclude<Node, { type: "whiteout" }>,
    stat: Stat,
    xattr: (name: ByteString) => ByteString | undefined,
  ): ExtractedDifference | undefined {
    // The attributes of an implied directory come from the layers below.
    if (node.type === "directory" && node.implied) return undefined;
    if (node.type !== "symlink" && stat.mode !== node.mode) {
      return difference(path, `mode ${node.mode.toString(8)}`, `mode ${stat.mode.toString(8)}`);
    }
    if (!this.#rootless && (stat.uid !== node.uid || stat.gid !== node.gid)) {
      return difference(path, `owner ${node.uid}:${node.gid}`, `owner ${stat.uid}:${stat.gid}`);
    }
    const { lo, hi } = node.mtime;
    if (hi === EPOCH.hi && lo < EVERYWHERE && (stat.mtime.lo !== lo || stat.mtime.hi !== hi)) {
      return difference(path, `time ${lo}`, `time ${stat.mtime.lo}`);
    }
    return this.#xattrs(path, node, xattr);
  }

  #xattrs(
    path: ByteString,
    node: Attributes & { readonly type: Node["type"] },
    read: (name: ByteString) => ByteString | undefined,
  ): ExtractedDifference | undefined {
    const isOpen = node.type === "file" || node.type === "directory";
    for (const { name, value } of node.xattrs) {
      if (this.#rootless || name.startsWith("trusted.") || name.startsWith("user.overlay.")) {
        continue;
      }
      if (!isOpen && name.startsWith("user.")) continue;
      if (read(name) === value) continue;
      return difference(path, `its attribute ${name}`, "another value");
    }
    return undefined;
  }

  #opaque(path: ByteString, node: DirectoryNode, fd: Fd): ExtractedDifference | undefined {
    if (this.#options.policy.whiteouts === "none") return undefined;
    if (isOpaqueMark(getXattrFd(fd, OPAQUE_MARK)) === node.opaque) return undefined;
    const [expected, actual] = ["opaque", "not opaque"];
    return node.opaque ? difference(path, expected, actual) : difference(path, actual, expected);
  }
}

function difference(path: ByteString, expected: string, actual: string): ExtractedDifference {
  return {
    path: `/${escapeForTerminal(path)}`,
    expected: escapeForTerminal(expected as ByteString),
    actual: escapeForTerminal(actual as ByteString),
  };
}
