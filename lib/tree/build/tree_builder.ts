import { type ByteString, fromBytes, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import { IMPLIED } from "../implied.ts";
import type { DirectoryNode, Extent, Node, NodeType } from "../node.ts";
import { checkDigest, checkExtents, checkName, checkNode } from "../node_check.ts";
import {
  F_IMPLIED,
  F_OPAQUE,
  F_WHITEOUT,
  R_MODE,
  R_NAME,
  R_SIZE,
  TWO_32,
} from "../packed/format.ts";
import { typeOfRow } from "../packed/node_codec.ts";
import type { Tree, TreeKind } from "../tree.ts";
import { finishTree } from "./finish_tree.ts";
import { NodeRecords } from "./node_records.ts";
import { OpenDirectories } from "./open_directories.ts";
import { Packer } from "./packer.ts";
import { L_DEAD, L_INODE, L_PARENT, OWN_SOURCE, type RecordLog } from "./record_log.ts";

/** The handle of a node in one builder. 0 is the root directory. */
export type NodeId = number;

/** Options of a {@linkcode TreeBuilder}. */
export interface TreeBuilderOptions {
  /**
   * The kind of tree to build. Only a layer tree can hold whiteouts, opaque and implied
   * directories.
   */
  readonly kind: TreeKind;
}

/**
 * Builds a tree entry by entry, in any order. Entries can be replaced, linked and removed until
 * {@linkcode TreeBuilder.finish}.
 *
 * Nodes are named by handles. A node that replaces another node gets a new handle; only a directory
 * that replaces a directory keeps the old handle. Do not use handles of nodes that were replaced or
 * removed, nor of nodes below them.
 *
 * @example
 * ```ts
 * import { TreeBuilder, fromText, lookup, timestamp } from "@varve/varve/tree";
 *
 * const builder = new TreeBuilder({ kind: "root" });
 * const common = { mode: 0o755, uid: 0, gid: 0, mtime: timestamp(0), xattrs: [] };
 * const etc = builder.put(builder.root, fromText("etc"), {
 *   ...common,
 *   type: "directory",
 *   opaque: false,
 *   implied: false,
 * });
 * builder.put(etc, fromText("mtab"), {
 *   ...common,
 *   type: "symlink",
 *   group: null,
 *   target: fromText("/proc/mounts"),
 * });
 * const tree = builder.finish(null);
 * if (lookup(tree, fromText("etc/mtab"))?.type !== "symlink") throw new Error("not there");
 * ```
 */
export class TreeBuilder {
  /** The root directory. */
  readonly root: NodeId = 0;
  readonly #kind: TreeKind;
  readonly #records: NodeRecords = new NodeRecords();
  readonly #log: RecordLog = this.#records.log;
  readonly #packer = new Packer(this.#log, this.#records.sources);
  readonly #directories: OpenDirectories;
  #linked = false;
  #finished = false;

  /**
   * Begins with an empty root directory: implied in a layer tree; 0755, 0:0, mtime 0 in a root
   * tree.
   */
  constructor(options: TreeBuilderOptions) {
    this.#kind = options.kind;
    const root: DirectoryNode = { ...IMPLIED, implied: options.kind === "layer" };
    const id = this.#log.insert(0);
    this.#records.write(id, "" as ByteString, root);
    this.#directories = new OpenDirectories(this.#log, this.#packer);
  }

  /** The handle of the node with this name in a directory; −1 when there is none. */
  child(directory: NodeId, name: ByteString): NodeId {
    const id = this.#log.find(directory, name);
    return id >= 0 && (this.#log.flags(id) & L_DEAD) === 0 ? id : -1;
  }

  /** The type of a node. */
  typeOf(id: NodeId): NodeType {
    const inode = this.#inode(id);
    return typeOfRow(this.#log.get(inode, R_MODE), this.#log.flags(inode));
  }

  /** The handle of the directory that holds a node. For the root, the root itself. */
  parentOf(id: NodeId): NodeId {
    return this.#log.get(this.#known(id), L_PARENT);
  }

  /** Whether a directory is implied: it has no entry of its own in the layer. */
  isImplied(id: NodeId): boolean {
    return (this.#log.flags(this.#known(id)) & F_IMPLIED) !== 0;
  }

  /** Whether a directory is opaque: it hides the entries that lower layers have in it. */
  isOpaque(id: NodeId): boolean {
    return (this.#log.flags(this.#known(id)) & F_OPAQUE) !== 0;
  }

  /**
   * The target of a symbolic link.
   *
   * @throws {TypeError} when the node is not a symbolic link
   */
  linkTarget(id: NodeId): ByteString {
    const log = this.#log;
    const inode = this.#inode(id);
    if ((log.get(inode, R_MODE) & S_IFMT) !== S_IFLNK) {
      throw new TypeError("Cannot read link target: not a symbolic link");
    }
    const page = log.heapPage(inode);
    const at = log.restAt(inode);
    const start = (at + 1) << 2;
    return fromBytes(page.u8, start, start + (page.u32[at] as number));
  }

  /**
   * Decodes a node. Its `group` is null, because {@linkcode TreeBuilder.finish} derives the groups.
   * Its `locator` is null unless {@linkcode TreeBuilder.put} was given a locator.
   */
  node(id: NodeId): Node {
    return this.#records.read(this.#inode(id));
  }

  /**
   * Adds a node, or replaces the node with that name. A directory that replaces a directory keeps
   * its entries; any other node that replaces a directory drops them. A replaced name leaves its
   * link group. The `group` of `node` is ignored.
   *
   * @returns the handle of the node
   * @throws {TypeError} when `directory` is not a directory, or the kind of tree cannot hold the
   * node
   * @throws {RangeError} when no tree can hold the name or the node
   */
  put(directory: NodeId, name: ByteString, node: Node): NodeId {
    this.#checkParent(directory, name);
    this.#checkNode(node);
    const log = this.#log;
    const old = log.find(directory, name);
    if (old >= 0 && (log.flags(old) & L_DEAD) === 0) {
      if (node.type === "directory" && this.#isDirectory(old)) {
        this.update(old, node);
        return old;
      }
      this.#markDead(old);
    }
    const id = log.insert(directory);
    this.#records.write(id, name, node);
    this.#directories.add(directory, id);
    return id;
  }

  /**
   * Adds a hard link: another name of an existing inode. Replaces the node with that name, as
   * {@linkcode TreeBuilder.put} does. {@linkcode TreeBuilder.finish} derives the link groups.
   *
   * @returns the handle of the new name
   * @throws {TypeError} when the target is a directory or a whiteout
   */
  link(directory: NodeId, name: ByteString, target: NodeId): NodeId {
    this.#checkParent(directory, name);
    const log = this.#log;
    const inode = this.#inode(target);
    if (this.#isDirectory(inode) || (log.flags(inode) & F_WHITEOUT) !== 0) {
      throw new TypeError("Cannot link: the target is a directory or a whiteout");
    }
    const old = log.find(directory, name);
    if (old >= 0 && (log.flags(old) & L_DEAD) === 0) {
      if (this.#inode(old) === inode) return old;
      this.#markDead(old);
    }
    const id = log.insert(directory);
    this.#records.name(id, name, 0);
    log.set(id, L_INODE, inode);
    this.#linked = true;
    this.#directories.add(directory, id);
    // The row of the inode's first name will get a link group, so it must not stay packed.
    this.#directories.change(log.get(inode, L_PARENT));
    return id;
  }

  /**
   * Replaces the attributes of a node, for all names of its inode.
   *
   * @throws {TypeError} when the type differs
   */
  update(id: NodeId, node: Node): void {
    const log = this.#log;
    const inode = this.#inode(id);
    this.#checkNode(node);
    if (node.type !== this.typeOf(inode)) {
      throw new TypeError(`Cannot update node: it is a ${this.typeOf(inode)}, not a ${node.type}`);
    }
    const page = log.heapPage(inode);
    const start = log.nameAt(inode) << 2;
    const dead = log.flags(inode) & L_DEAD;
    this.#directories.change(log.get(inode, L_PARENT));
    this.#records.write(inode, fromBytes(page.u8, start, start + log.nameLength(inode)), node);
    // The first name of the inode may be removed while its other names remain.
    log.set(inode, R_NAME, (log.get(inode, R_NAME) | (dead << 16)) >>> 0);
  }

  /**
   * Makes a directory opaque.
   *
   * @throws {TypeError} when the node is not a directory of a layer tree
   */
  setOpaque(id: NodeId): void {
    if (!this.#isDirectory(this.#known(id)) || this.#kind === "root") {
      throw new TypeError("Cannot make node opaque: not a directory of a layer tree");
    }
    this.#changeFlags(id, F_OPAQUE);
  }

  /**
   * Sets the content of a file.
   *
   * @param digest SHA-256 of the content (32 bytes); null if, and only if, the file is empty
   * @param extents where the content lies in the tar of the layer that
   * {@linkcode TreeBuilder.finish} names
   * @throws {TypeError} when the node is not a file
   * @throws {RangeError} when the digest or the extents do not fit the size
   */
  content(id: NodeId, digest: Uint8Array | null, extents: readonly Extent[]): void {
    const log = this.#log;
    const inode = this.#inode(id);
    if ((log.get(inode, R_MODE) & S_IFMT) !== S_IFREG) {
      throw new TypeError("Cannot set content: not a file");
    }
    const words = log.words(inode);
    const at = log.at(inode);
    const size = (words[at + R_SIZE + 1] as number) * TWO_32 + (words[at + R_SIZE] as number);
    checkDigest(size, digest);
    checkExtents(size, extents);
    this.#directories.change(log.get(inode, L_PARENT));
    this.#records.digest(inode, digest);
    this.#records.extents(inode, size, OWN_SOURCE, extents);
  }

  /** Removes a name and everything below it. Returns whether the name existed. */
  remove(directory: NodeId, name: ByteString): boolean {
    const id = this.child(directory, name);
    if (id < 0) return false;
    this.#markDead(id);
    return true;
  }

  /**
   * Makes the tree. The builder cannot be used afterwards.
   *
   * @param source the layer whose tar holds the contents. The extents of
   * {@linkcode TreeBuilder.content} are positions in this tar. With null, the tree has no locators
   * for these contents
   * @param checkpoint called often during the work; an error that it throws ends the work
   * @throws {TypeError} when called twice, or when the content of a file was not set
   * @throws {VarveError} `E_LIMIT` when hard links repeat more attributes than a tree may hold
   */
  finish(source: DiffId | null, checkpoint: () => void = () => {}): Tree {
    if (this.#finished) throw new TypeError("Cannot finish tree: it is finished already");
    this.#finished = true;
    const built = {
      log: this.#log,
      packer: this.#packer,
      linked: this.#linked,
    };
    return finishTree(built, this.#kind, source, checkpoint);
  }

  #known(id: NodeId): NodeId {
    if (!(id >= 0 && id < this.#log.length) || this.#finished) {
      throw new RangeError(
        `Cannot find node ${id}: it is not of this builder, or the builder is finished`,
      );
    }
    return id;
  }

  #inode(id: NodeId): NodeId {
    return this.#log.get(this.#known(id), L_INODE);
  }

  #isDirectory(id: NodeId): boolean {
    return (this.#log.get(id, R_MODE) & S_IFMT) === S_IFDIR;
  }

  #checkParent(directory: NodeId, name: ByteString): void {
    if (
      !this.#isDirectory(this.#known(directory)) || (this.#log.flags(directory) & L_DEAD) !== 0
    ) {
      throw new TypeError("Cannot add node: the parent is not a directory");
    }
    checkName(name);
  }

  #checkNode(node: Node): void {
    checkNode(node);
    if (this.#kind === "layer") return;
    if (node.type === "whiteout" || node.type === "directory" && (node.opaque || node.implied)) {
      throw new TypeError(
        "Cannot take node: only a layer tree can hold whiteouts, opaque and implied directories",
      );
    }
  }

  #markDead(id: NodeId): void {
    this.#changeFlags(id, L_DEAD);
  }

  #changeFlags(id: NodeId, flags: number): void {
    const log = this.#log;
    log.set(id, R_NAME, (log.get(id, R_NAME) | (flags << 16)) >>> 0);
    this.#directories.change(log.get(id, L_PARENT));
  }
}
