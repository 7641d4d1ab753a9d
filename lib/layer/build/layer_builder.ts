import { type ByteString, equalTimestamps } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import { type Extent, type Node, type NodeId, type Tree, TreeBuilder } from "../../tree/mod.ts";
import { type BeyondRatio, Budget } from "./budget.ts";
import { Parents } from "./parents.ts";
import { checkDevice, checkTarget, EntryNodes, modeOf, rootTypeError } from "./entry_nodes.ts";
import { cleanPath, entryError, shownPath } from "./path.ts";
import { Walker } from "./walker.ts";
import { mayBeWhiteout, pathKind, WHITEOUT_PREFIX } from "./whiteout_name.ts";
import { WHITEOUT, Whiteouts } from "./whiteouts.ts";
import { mergeXattrs } from "./xattrs.ts";
import type { Entry } from "../entry.ts";
import { type LayerLimits, layerLimits } from "../limits.ts";
import { DEFAULT_LAYER_POLICY, type LayerPolicy } from "../policy.ts";
import { type Warning, WarningCounter } from "../warnings.ts";

/** Options of a {@linkcode LayerBuilder}. */
export interface LayerBuilderOptions {
  /** Policy that differs from {@linkcode DEFAULT_LAYER_POLICY}. */
  readonly policy?: Partial<LayerPolicy> | undefined;
  /** Limits that differ from {@linkcode LAYER_LIMITS}. */
  readonly limits?: Partial<LayerLimits> | undefined;
  /**
   * Size of the compressed layer in bytes, if it is known. It limits how many entries and how much
   * metadata the layer may have.
   */
  readonly blobSize?: number | undefined;
}

/** Result of {@linkcode LayerBuilder.finish}. */
export interface BuiltLayer {
  /** The layer tree. */
  readonly tree: Tree;
  /** Warnings about things in the archive that were dropped or look odd, sorted by code. */
  readonly warnings: readonly Warning[];
  /** How far the layer exceeds its ratios; `null` when its compressed size is unknown. */
  readonly beyondRatio: BeyondRatio | null;
}

/** Digest of a file whose content was not hashed. */
const NOT_HASHED = new Uint8Array(32);

/**
 * Interprets the entries of one layer, in order, as a layer tree (image-spec, layer.md).
 *
 * Every entry is hostile input. Paths are cleaned and resolved inside the layer alone. A value that
 * no file system can hold, or that the policy excludes, is an error or a counted warning.
 *
 * The result equals the directory that containerd makes when it extracts the layer for overlay,
 * with one difference: the entry `./` sets the attributes of the root. A whiteout hides only files
 * of *lower* layers, wherever it is in the archive. Its path follows only the links that precede it
 * in the archive.
 *
 * After an error the builder cannot be used any more, and returns no tree.
 *
 * @example
 * ```ts
 * import { type Entry, LayerBuilder } from "@varve/varve/layer";
 * import { sha256, type DiffId } from "@varve/varve/digest";
 *
 * const entry = {
 *   path: "etc/", type: "directory", mode: 0o755, uid: 0, gid: 0, mtime: { lo: 0, hi: 0, ns: 0 },
 *   size: 0, linkname: "", devmajor: 0, devminor: 0, xattrs: [], extents: [],
 * } as unknown as Entry;
 * const builder = new LayerBuilder();
 * builder.entry(entry);
 * const { tree, warnings } = builder.finish(sha256(new Uint8Array()) as DiffId);
 * if (tree.count !== 1 || warnings.length !== 0) throw new Error("never");
 * ```
 */
export class LayerBuilder {
  readonly #policy: LayerPolicy;
  readonly #budget: Budget;
  readonly #tree: TreeBuilder;
  readonly #walker: Walker;
  /** Resolves the parents of entries, and makes missing parents. */
  readonly #parents: Parents;
  /** Resolves the parents of hard links' targets, and makes nothing. */
  readonly #targets: Parents;
  readonly #whiteouts: Whiteouts;
  readonly #warnings = new WarningCounter();
  readonly #nodes: EntryNodes;
  #state: "open" | "content" | "failed" | "done" = "open";
  /** The file whose content must come next. */
  #file: NodeId = 0;
  /** Extents of `#file`. */
  #extents: readonly Extent[] = [];

  /** Begins a layer without entries. */
  constructor(options: LayerBuilderOptions = {}) {
    this.#policy = { ...DEFAULT_LAYER_POLICY, ...options.policy };
    this.#budget = new Budget(layerLimits(options.limits), options.blobSize);
    this.#tree = new TreeBuilder({ kind: "layer" });
    this.#walker = new Walker(this.#tree, this.#budget);
    this.#parents = new Parents(this.#walker, this.#budget, true);
    this.#targets = new Parents(this.#walker, this.#budget, false);
    this.#whiteouts = new Whiteouts(this.#walker, this.#budget);
    this.#nodes = new EntryNodes(this.#policy, this.#budget, this.#warnings);
  }

  /**
   * Takes the next entry.
   *
   * @returns whether the caller must hash the file's content and pass the digest to
   * {@linkcode LayerBuilder.content} before the next entry
   * @throws {VarveError} with the code of the first rule that the entry breaks; `isBadData` is true
   * for the error
   * @throws {TypeError} after an error, after the end, or when content is due
   */
  entry(entry: Entry): boolean {
    this.#expect("open");
    this.#state = "failed";
    this.#budget.entry(entry.path);
    const hasContent = this.#take(entry);
    this.#state = hasContent ? "content" : "open";
    return hasContent;
  }

  /**
   * Sets the content of the file that was the last entry.
   *
   * @param digest sha256 of the content, 32 bytes; null when it was not hashed. The tree then holds
   * zeros in its place and is only useful for measurements.
   * @throws {TypeError} when no content is due
   */
  content(digest: Uint8Array | null): void {
    this.#expect("content");
    this.#tree.content(this.#file, digest ?? NOT_HASHED, this.#extents);
    this.#state = "open";
  }

  /**
   * Ends the layer and returns its tree.
   *
   * @param diffId digest of the uncompressed layer, where the content of files lies
   * @param blobSize size of the compressed layer in bytes, if it is known
   * @param checkpoint called often during the work; an error that it throws ends the work
   * @throws {VarveError} `E_LIMIT` when whiteouts need more directories than the limits allow, or
   * when the layer has more entries or metadata than `blobSize` allows
   * @throws {TypeError} after an error, after the end, or when content is due
   */
  finish(diffId: DiffId, blobSize?: number, checkpoint?: () => void): BuiltLayer {
    this.#expect("open");
    this.#state = "failed";
    this.#whiteouts.place(this.#tree);
    if (blobSize !== undefined) this.#budget.judge(blobSize);
    const beyondRatio = blobSize === undefined ? null : this.#budget.beyondRatio(blobSize);
    const tree = this.#tree.finish(diffId, checkpoint);
    this.#state = "done";
    return { tree, warnings: this.#warnings.list(), beyondRatio };
  }

  #expect(state: "open" | "content"): void {
    if (this.#state === state) return;
    const why = {
      open: "no content is due",
      content: "the content of the last file is due",
      failed: "an earlier entry was refused",
      done: "it is finished",
    }[this.#state];
    throw new TypeError(`Cannot continue layer: ${why}`);
  }

  #take(entry: Entry): boolean {
    const { path } = entry;
    if (mayBeWhiteout(path)) {
      const parts = cleanPath(path, this.#budget.limits, WHITEOUT_PREFIX);
      const kind = pathKind(parts, path);
      if (kind === "aufs") return this.#drop("W_AUFS", path);
      if (kind !== "entry") return this.#whiteout(kind, entry, parts);
    }
    this.#whiteouts.forget();
    if (entry.type === "hardlink") return this.#link(entry);
    const device = entry.type === "char" || entry.type === "block";
    if (device && this.#device(entry)) return false;
    this.#parents.find(path);
    if (this.#parents.name === null) return this.#root(entry);
    if (entry.type === "directory") return this.#directory(entry);
    const node = this.#nodes.nonDirectory(entry);
    const id = this.#put(node, path);
    if (node.type !== "file" || node.size === 0) return false;
    this.#file = id;
    this.#extents = entry.extents;
    return true;
  }

  #whiteout(kind: "whiteout" | "opaque", entry: Entry, parts: readonly ByteString[]): false {
    if (entry.type !== "file" && entry.type !== "hardlink") {
      throw entryError("E_WHITEOUT_TYPE", entry.path, `a whiteout is a file, not a ${entry.type}`);
    }
    this.#whiteouts.add(kind, entry.path, parts);
    return false;
  }

  /**
   * Handles device nodes 0:0 and device nodes that the policy excludes. Returns false for a device
   * node that the tree must keep.
   */
  #device(entry: Entry): boolean {
    const { path, devmajor, devminor } = entry;
    checkDevice(entry);
    if (entry.type === "char" && devmajor === 0 && devminor === 0) {
      this.#nodes.attributes(entry, { type: "char", mode: 0 });
      this.#parents.find(path);
      if (this.#parents.name === null) throw rootTypeError(path);
      this.#warnings.add("W_WHITEOUT_DEVICE", path);
      this.#whiteoutDevice(path);
      return true;
    }
    if (this.#policy.devices === "reject") {
      throw entryError("E_TYPE", path, "device nodes are refused (setting devices)");
    }
    if (this.#policy.devices === "keep") return false;
    cleanPath(path, this.#budget.limits);
    this.#drop("W_DEVICE", path);
    return true;
  }

  /**
   * Puts a character device 0:0, which overlay treats as a
   * whiteout, into the parent that was found.
   */
  #whiteoutDevice(path: ByteString): void {
    this.#put(WHITEOUT, path);
    this.#whiteouts.add("device", path, cleanPath(path, this.#budget.limits));
  }

  #root(entry: Entry): false {
    if (entry.type !== "directory") throw rootTypeError(entry.path);
    const { root } = this.#tree;
    const attributes = this.#nodes.attributes(entry);
    this.#tree.update(root, { type: "directory", opaque: false, implied: false, ...attributes });
    return false;
  }

  #directory(entry: Entry): false {
    const { directory, name } = this.#parents;
    const old = this.#tree.child(directory, name as ByteString);
    if (old >= 0 && this.#tree.typeOf(old) !== "directory") this.#replace(old, entry.path);
    else if (old >= 0 && !this.#tree.isImplied(old)) this.#warnings.add("W_DUPLICATE", entry.path);
    this.#budget.metadata((name as ByteString).length, entry.path);
    const attributes = this.#nodes.attributes(entry);
    const node: Node = { type: "directory", opaque: false, implied: false, ...attributes };
    this.#parents.enter(entry.path, this.#tree.put(directory, name as ByteString, node));
    return false;
  }

  /**
   * Puts a node that is not a directory into the parent that was
   * found. It replaces any node of its name.
   */
  #put(node: Node, path: ByteString): NodeId {
    const { directory, name } = this.#parents;
    this.#budget.metadata((name as ByteString).length, path);
    this.#replace(this.#tree.child(directory, name as ByteString), path);
    return this.#tree.put(directory, name as ByteString, node);
  }

  /**
   * Handles a hard link, which is another name of an inode. The inode gets the attributes of the
   * entry, as in containerd.
   */
  #link(entry: Entry): false {
    const { path, linkname } = entry;
    this.#parents.find(path);
    if (this.#parents.name === null) throw rootTypeError(path);
    checkTarget(entry, this.#budget.limits.path);
    this.#targets.find(linkname);
    const { directory: targetParent, name } = this.#targets;
    const target = name === null || targetParent < 0 ? -1 : this.#tree.child(targetParent, name);
    if (target < 0) {
      throw entryError(
        "E_LINK_TARGET",
        path,
        `its target ${shownPath(linkname)} is not in this layer`,
      );
    }
    const type = this.#tree.typeOf(target);
    if (type === "whiteout") {
      throw entryError("E_LINK_TARGET", path, `its target ${shownPath(linkname)} is a whiteout`);
    }
    if (type === "directory") {
      throw entryError("E_LINK_TARGET", path, `its target ${shownPath(linkname)} is a directory`);
    }
    if (this.#wouldReplace(targetParent, name as ByteString)) {
      throw entryError("E_LINK_TARGET", path, "it would replace its own target");
    }
    this.#budget.metadata((this.#parents.name as ByteString).length, path);
    const { directory } = this.#parents;
    this.#replace(this.#tree.child(directory, this.#parents.name), path);
    this.#refresh(this.#tree.link(directory, this.#parents.name, target), entry);
    return false;
  }

  /** Whether a link would replace its own target, or a directory that holds the target. */
  #wouldReplace(targetParent: NodeId, targetName: ByteString): boolean {
    const { directory, name } = this.#parents;
    if (targetParent === directory && targetName === name) return true;
    const old = this.#tree.child(directory, name as ByteString);
    if (old < 0 || this.#tree.typeOf(old) !== "directory") return false;
    for (let id = targetParent; id !== this.#tree.root; id = this.#tree.parentOf(id)) {
      if (id === old) return true;
    }
    return false;
  }

  /** Gives an inode the attributes of another entry that names it. */
  #refresh(id: NodeId, entry: Entry): void {
    const node = this.#tree.node(id);
    if (node.type === "directory" || node.type === "whiteout") return;
    this.#nodes.again(node, entry.path);
    const mode = modeOf(node.type, entry);
    const attributes = this.#nodes.attributes(entry, { type: node.type, mode });
    const newMode = node.mode === mode ? null : mode;
    const xattrs = mergeXattrs(node.xattrs, attributes.xattrs, newMode);
    const same = node.mode === attributes.mode && node.uid === attributes.uid &&
      node.gid === attributes.gid && equalTimestamps(node.mtime, attributes.mtime) &&
      xattrs === node.xattrs;
    if (!same) this.#tree.update(id, { ...node, ...attributes, xattrs });
  }

  /** Handles the replacement of the node `old` (−1 for none): adds a warning and empties caches. */
  #replace(old: NodeId, path: ByteString): void {
    if (old < 0) return;
    this.#warnings.add("W_DUPLICATE", path);
    const type = this.#tree.typeOf(old);
    if (type !== "directory" && type !== "symlink") return;
    this.#parents.forget();
    this.#targets.forget();
  }

  #drop(code: "W_AUFS" | "W_DEVICE", path: ByteString): false {
    this.#warnings.add(code, path);
    return false;
  }
}
