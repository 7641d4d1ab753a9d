import { type ByteString, EPOCH } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { judgeXattrs } from "../../layer/internal.ts";
import {
  DEFAULT_LAYER_POLICY,
  type Entry,
  type LayerLimits,
  layerLimits,
  type LayerPolicy,
  WarningCounter,
} from "../../layer/mod.ts";
import {
  type Fd,
  getXattrAt,
  getXattrFd,
  listXattrAt,
  listXattrFd,
  readLinkAt,
  type Stat,
} from "../../linux/mod.ts";
import type { Attributes, DirectoryNode, FileNode, Node, Xattr } from "../../tree/mod.ts";
import type { ScanForm } from "./contract.ts";
import { isLeftOutNode, type LeftOut, ownerOf, xattrsOf } from "../left_out.ts";
import { takeMarks } from "./overlay_marks.ts";
import { shown } from "./scan_failure.ts";

/**
 * The node that was found under a name, or a whiteout; `null` for an inode that a layer cannot
 * hold.
 */
export type Found = Exclude<Node, DirectoryNode> | null;

/** The permission of a file's owner to read it. */
const OWNER_READS = 0o400;

/** The rules by which inodes become nodes. */
export interface NodeRules {
  /** Policy that differs from the default. */
  readonly policy?: Partial<LayerPolicy> | undefined;
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<LayerLimits> | undefined;
  /** The things that could not be set when the directory was filled from the base. */
  readonly leftOut?: LeftOut | null | undefined;
}

/** Stands for the digest of a file that was not read yet. */
export const UNREAD: Uint8Array = new Uint8Array(32).fill(0xff);

/** Turns inodes into nodes, and counts the things that the policy leaves out. */
export class NodeReader {
  /** Counts of the things that were left out. */
  readonly warnings: WarningCounter = new WarningCounter();
  readonly #overlay: boolean;
  readonly #policy: LayerPolicy;
  readonly #limits: LayerLimits;
  readonly #leftOut: LeftOut | null;

  /** Reads by the rules of a scan. */
  constructor(form: ScanForm, { policy, limits = {}, leftOut }: NodeRules) {
    this.#overlay = form === "overlay";
    this.#policy = { ...DEFAULT_LAYER_POLICY, ...policy };
    this.#limits = layerLimits(limits);
    this.#leftOut = leftOut ?? null;
  }

  /** Returns `found` with the owner that the inode has in the layers; see {@linkcode ownerOf}. */
  withOwner<T extends Pick<Attributes, "uid" | "gid">>(found: T, before: Node | undefined): T {
    return ownerOf(found, before, this.#leftOut);
  }

  /** Whether the user who filled the directory owns a file but may not read it. */
  isUnreadable({ mode }: FileNode): boolean {
    return (this.#leftOut?.owner ?? null) !== null && (mode & OWNER_READS) === 0;
  }

  /** Whether a node of the base is missing only because it could not be made. */
  isLeftOut(before: Node | undefined): boolean {
    return isLeftOutNode(before, this.#leftOut);
  }

  /** The node of an open directory. @throws {VarveError} `E_PRECONDITION`, `E_XATTR` */
  directory(
    fd: Fd,
    stat: Stat,
    path: ByteString,
    { opaque = false, before }: { readonly opaque?: boolean; readonly before?: Node | undefined },
  ): DirectoryNode {
    const { xattrs } = this.#marks(xattrsFd(fd), path);
    const attributes = this.#attributes("directory", stat, path, xattrs);
    return this.#whole({ type: "directory", opaque, implied: false, ...attributes }, before);
  }

  /** The node of an open file, with {@linkcode UNREAD} as its digest. @throws {VarveError} `E_PRECONDITION`, `E_XATTR` */
  file(fd: Fd, stat: Stat, path: ByteString, before: Node | undefined): FileNode {
    const { xattrs } = this.#marks(xattrsFd(fd), path);
    return this.#whole(this.#file(stat, path, xattrs), before);
  }

  /**
   * The node or whiteout under a name that is not a directory; `null` for a socket.
   *
   * @throws {VarveError} `E_TYPE`, `E_PRECONDITION`, `E_XATTR`
   */
  entry(
    directory: Fd,
    name: ByteString,
    stat: Stat,
    path: ByteString,
    before: Node | undefined,
  ): Found {
    const found = this.#entry(directory, name, stat, path);
    return found === null || found.type === "whiteout" ? found : this.#whole(found, before);
  }

  #entry(directory: Fd, name: ByteString, stat: Stat, path: ByteString): Found {
    const { type, major, minor } = stat;
    if (this.#overlay && type === "char" && major === 0 && minor === 0) return { type: "whiteout" };
    if (type === "socket") {
      this.warnings.add("W_SOCKET", path);
      return null;
    }
    const { xattrs, whiteout } = this.#marks(xattrsAt(directory, name), path);
    if (whiteout && type === "file" && stat.size === 0) return { type: "whiteout" };
    switch (type) {
      case "file":
        return this.#file(stat, path, xattrs);
      case "symlink": {
        const target = readLinkAt(directory, name);
        const attributes = this.#attributes(type, { ...stat, mode: 0o777 }, path, xattrs);
        return { type, group: null, target, ...attributes };
      }
      case "char":
      case "block":
        return { type, group: null, major, minor, ...this.#attributes(type, stat, path, xattrs) };
      case "fifo":
        return { type, group: null, ...this.#attributes(type, stat, path, xattrs) };
      default: {
        const subject = shown(path);
        throw new VarveError("E_TYPE", `Cannot read ${subject}: its type is not known`, {
          subject,
        });
      }
    }
  }

  #file(stat: Stat, path: ByteString, xattrs: readonly Xattr[]): FileNode {
    const { size } = stat;
    return {
      type: "file",
      group: null,
      size,
      digest: size === 0 ? null : UNREAD,
      locator: null,
      ...this.#attributes("file", stat, path, xattrs),
    };
  }

  /**
   * Completes a node with the attributes that could not be set on its inode. A node that replaced a
   * node of another type is not changed.
   */
  #whole<T extends Exclude<Node, { type: "whiteout" }>>(found: T, before: Node | undefined): T {
    if (this.#leftOut === null || before?.type !== found.type) return found;
    const xattrs = xattrsOf(found.xattrs, before, this.#leftOut);
    return this.withOwner({ ...found, xattrs }, before);
  }

  #marks(xattrs: readonly Xattr[], path: ByteString): ReturnType<typeof takeMarks> {
    return this.#overlay ? takeMarks(xattrs, path) : { xattrs, whiteout: false };
  }

  #attributes(
    type: Exclude<Node["type"], "whiteout">,
    { mode, uid, gid, mtime }: Stat,
    path: ByteString,
    xattrs: readonly Xattr[],
  ): Attributes {
    const entry: Entry = { ...BLANK, path, xattrs };
    const kept = judgeXattrs(entry, { type, mode }, this.#policy, this.#limits, this.warnings);
    return { mode, uid, gid, mtime, xattrs: kept };
  }
}

const BLANK: Entry = {
  path: "" as ByteString,
  type: "file",
  mode: 0,
  uid: 0,
  gid: 0,
  mtime: EPOCH,
  size: 0,
  linkname: "" as ByteString,
  devmajor: 0,
  devminor: 0,
  xattrs: [],
  extents: [],
};

const NONE: readonly Xattr[] = [];

function xattrsFd(fd: Fd): readonly Xattr[] {
  return read(listXattrFd(fd), (name) => getXattrFd(fd, name));
}

function xattrsAt(directory: Fd, name: ByteString): readonly Xattr[] {
  return read(listXattrAt(directory, name), (xattr) => getXattrAt(directory, name, xattr));
}

function read(
  names: readonly ByteString[],
  get: (name: ByteString) => ByteString | undefined,
): readonly Xattr[] {
  if (names.length === 0) return NONE;
  const out: Xattr[] = [];
  for (const name of names) {
    const value = get(name);
    if (value !== undefined) out.push({ name, value });
  }
  return out;
}
