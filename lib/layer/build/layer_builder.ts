import { type ByteString, equalTimestamps } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import { type ErrorCode, VarveError } from "../../errors.ts";
import {
  type Attributes,
  type Extent,
  type Node,
  type NodeId,
  type Tree,
  TreeBuilder,
} from "../../tree/mod.ts";
import { Budget } from "./budget.ts";
import { Parents } from "./parents.ts";
import { cleanPath, shownPath } from "./path.ts";
import { Walker } from "./walker.ts";
import { mayBeWhiteout, pathKind, WHITEOUT_PREFIX, wrong } from "./whiteout_name.ts";
import { WHITEOUT, Whiteouts } from "./whiteouts.ts";
import { type Bearer, judgeXattrs, mergeXattrs } from "./xattrs.ts";
import type { Entry } from "../entry.ts";
import { type LayerLimits, layerLimits } from "../limits.ts";
import { DEFAULT_LAYER_POLICY, type LayerPolicy } from "../policy.ts";
import { type Warning, WarningCounter } from "../warnings.ts";

/** Options of a {@linkcode LayerBuilder}. */
export interface LayerBuilderOptions {
  /** Policy, where it is not the default. */
  readonly policy?: Partial<LayerPolicy> | undefined;
  /** Limits, where they are not the defaults. */
  readonly limits?: Partial<LayerLimits> | undefined;
}

/** What a layer was made into. */
export interface BuiltLayer {
  /** The layer tree. */
  readonly tree: Tree;
  /** What was dropped or looked odd, sorted by code. */
  readonly warnings: readonly Warning[];
}

/** Linux's ranges: ids but −1, device numbers of 12 and 20 bits, targets below PATH_MAX. */
const MAX_ID = 0xffff_fffe;
const MAX_MAJOR = 0xfff;
const MAX_MINOR = 0xf_ffff;
const MAX_TARGET = 4095;
const PERMISSIONS = 0o7777;
const NOT_HASHED = new Uint8Array(32);

/**
 * Interprets the entries of one layer, in their order, as a layer tree (image-spec, layer.md).
 *
 * Every entry is hostile until judged: paths are cleaned and resolved inside the layer alone, and what
 * no file system or no policy takes is an error or a counted warning. The result is what extraction by
 * containerd on overlay would leave in the layer's directory; whiteouts hide what is *below* the layer,
 * whatever their order, where their way led when they came. Where it differs: `./` sets the root's attributes.
 *
 * After an error the builder is of no use, and gives no tree.
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
  /** Where entries stand: missing parents are made. */
  readonly #parents: Parents;
  /** Where targets of hard links stand: nothing is made. */
  readonly #targets: Parents;
  readonly #whiteouts: Whiteouts;
  readonly #warnings = new WarningCounter();
  #state: "open" | "content" | "failed" | "done" = "open";
  #file: NodeId = 0;
  #extents: readonly Extent[] = [];

  /** Begins a layer without entries. */
  constructor(options: LayerBuilderOptions = {}) {
    this.#policy = { ...DEFAULT_LAYER_POLICY, ...options.policy };
    this.#budget = new Budget(layerLimits(options.limits));
    this.#tree = new TreeBuilder({ kind: "layer" });
    this.#walker = new Walker(this.#tree, this.#budget);
    this.#parents = new Parents(this.#walker, this.#budget, true);
    this.#targets = new Parents(this.#walker, this.#budget, false);
    this.#whiteouts = new Whiteouts(this.#walker, this.#budget);
  }

  /**
   * Takes the next entry.
   *
   * @returns whether the caller shall hash the file's content and tell it with {@linkcode LayerBuilder.content}
   * before the next entry
   * @throws {VarveError} the code of the first rule that the entry breaks, exit code 7 or 8
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
   * Tells the content of the file that was the last entry: its sha256 in 32 bytes. `null` when it was not
   * hashed: the tree then says zeros, and is good for a measurement only.
   *
   * @throws {TypeError} when no content is due
   */
  content(digest: Uint8Array | null): void {
    this.#expect("content");
    this.#tree.content(this.#file, digest ?? NOT_HASHED, this.#extents);
    this.#state = "open";
  }

  /**
   * Ends the layer; `diffId` says where the content lies.
   *
   * @throws {VarveError} `E_LIMIT` for a whiteout that has no place
   */
  finish(diffId: DiffId): BuiltLayer {
    this.#expect("open");
    this.#state = "failed";
    this.#whiteouts.place(this.#tree);
    const tree = this.#tree.finish(diffId);
    this.#state = "done";
    return { tree, warnings: this.#warnings.list() };
  }

  #expect(state: "open" | "content"): void {
    if (this.#state === state) return;
    const why = {
      open: "no content is due",
      content: "the content of the last file is due",
      failed: "an entry before was refused",
      done: "it is finished",
    }[this.#state];
    throw new TypeError(`Cannot go on with layer: ${why}`);
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
    const node = this.#nonDirectory(entry);
    const id = this.#put(node, path);
    if (node.type !== "file" || node.size === 0) return false;
    this.#file = id;
    this.#extents = entry.extents;
    return true;
  }

  #whiteout(kind: "whiteout" | "opaque", entry: Entry, parts: readonly ByteString[]): false {
    if (entry.type !== "file" && entry.type !== "hardlink") {
      throw wrong("E_WHITEOUT_TYPE", entry.path, `a whiteout is a file, not a ${entry.type}`);
    }
    this.#whiteouts.add(kind, entry.path, parts);
    return false;
  }

  /** Handles what is no ordinary device node; returns whether that was all. */
  #device(entry: Entry): boolean {
    const { path, devmajor, devminor } = entry;
    if (!isBelow(devmajor, MAX_MAJOR) || !isBelow(devminor, MAX_MINOR)) {
      throw refused("E_DEV_RANGE", path, `device number ${devmajor}:${devminor} is out of range`);
    }
    if (entry.type === "char" && devmajor === 0 && devminor === 0) {
      this.#attributes(entry, { type: "char", mode: 0 });
      this.#parents.find(path);
      if (this.#parents.name === null) throw notRoot(path);
      this.#warnings.add("W_WHITEOUT_DEVICE", path);
      this.#whiteoutDevice(path);
      return true;
    }
    if (this.#policy.devices === "reject") {
      throw refused("E_TYPE", path, "device nodes are refused (setting devices)");
    }
    if (this.#policy.devices === "keep") return false;
    cleanPath(path, this.#budget.limits);
    this.#drop("W_DEVICE", path);
    return true;
  }

  /** Puts a character device 0:0 where the parents were found to be. */
  #whiteoutDevice(path: ByteString): void {
    this.#put(WHITEOUT, path);
    this.#whiteouts.add("device", path, cleanPath(path, this.#budget.limits));
  }

  #root(entry: Entry): false {
    if (entry.type !== "directory") throw notRoot(entry.path);
    const { root } = this.#tree;
    const attributes = this.#attributes(entry, bearer(entry));
    this.#tree.update(root, { type: "directory", opaque: false, implied: false, ...attributes });
    return false;
  }

  #directory(entry: Entry): false {
    const { directory, name } = this.#parents;
    const old = this.#tree.child(directory, name as ByteString);
    if (old >= 0 && this.#tree.typeOf(old) !== "directory") this.#replaces(old, entry.path);
    else if (old >= 0 && !this.#tree.isImplied(old)) this.#warnings.add("W_DUPLICATE", entry.path);
    this.#budget.metadata((name as ByteString).length, entry.path);
    const attributes = this.#attributes(entry, bearer(entry));
    const node: Node = { type: "directory", opaque: false, implied: false, ...attributes };
    this.#parents.enter(entry.path, this.#tree.put(directory, name as ByteString, node));
    return false;
  }

  #nonDirectory(entry: Entry): Exclude<Node, { type: "directory" | "whiteout" }> {
    const { path, type } = entry;
    const attributes = this.#attributes(entry, bearer(entry));
    switch (type) {
      case "file":
        if (!Number.isSafeInteger(entry.size) || entry.size < 0) {
          throw refused("E_SIZE", path, `its size is ${entry.size}`);
        }
        return {
          type,
          group: null,
          size: entry.size,
          digest: null,
          locator: null,
          ...attributes,
        };
      case "symlink":
        checkTarget(entry, MAX_TARGET);
        this.#budget.metadata(entry.linkname.length, path);
        return { type, group: null, target: entry.linkname, ...attributes };
      case "char":
      case "block":
        return { type, group: null, major: entry.devmajor, minor: entry.devminor, ...attributes };
      case "fifo":
        return { type, group: null, ...attributes };
      default:
        throw refused("E_TYPE", path, `the type ${String(type)} is not known`);
    }
  }

  /** Puts what is no directory; what had the name before is gone. */
  #put(node: Node, path: ByteString): NodeId {
    const { directory, name } = this.#parents;
    this.#budget.metadata((name as ByteString).length, path);
    this.#replaces(this.#tree.child(directory, name as ByteString), path);
    return this.#tree.put(directory, name as ByteString, node);
  }

  /** The link is one more name of an inode, and its entry's attributes become those of the inode, as containerd has it. */
  #link(entry: Entry): false {
    const { path, linkname } = entry;
    this.#parents.find(path);
    if (this.#parents.name === null) throw notRoot(path);
    checkTarget(entry, this.#budget.limits.path);
    this.#targets.find(linkname);
    const { directory: place, name } = this.#targets;
    const target = name === null || place < 0 ? -1 : this.#tree.child(place, name);
    if (target < 0) {
      throw refused(
        "E_LINK_TARGET",
        path,
        `its target ${shownPath(linkname)} is not in this layer`,
      );
    }
    const type = this.#tree.typeOf(target);
    if (type === "directory") {
      throw refused("E_LINK_TARGET", path, `its target ${shownPath(linkname)} is a directory`);
    }
    if (this.#wouldBeGone(place, name as ByteString)) {
      throw refused("E_LINK_TARGET", path, "it would take the place of its own target");
    }
    if (type === "whiteout") {
      this.#warnings.add("W_WHITEOUT_DEVICE", path);
      this.#whiteoutDevice(path);
      return false;
    }
    this.#budget.metadata((this.#parents.name as ByteString).length, path);
    const { directory } = this.#parents;
    this.#replaces(this.#tree.child(directory, this.#parents.name), path);
    this.#refresh(this.#tree.link(directory, this.#parents.name, target), entry);
    return false;
  }

  /** Whether the target of a link is, or stands in, what the link's own name stands for now. */
  #wouldBeGone(place: NodeId, name: ByteString): boolean {
    const { directory, name: own } = this.#parents;
    if (place === directory && name === own) return true;
    const old = this.#tree.child(directory, own as ByteString);
    if (old < 0 || this.#tree.typeOf(old) !== "directory") return false;
    for (let id = place; id !== this.#tree.root; id = this.#tree.parentOf(id)) {
      if (id === old) return true;
    }
    return false;
  }

  #refresh(id: NodeId, entry: Entry): void {
    const node = this.#tree.node(id);
    if (node.type === "directory" || node.type === "whiteout") return;
    const mode = node.type === "symlink" ? 0o777 : entry.mode & PERMISSIONS;
    const attributes = this.#attributes(entry, { type: node.type, mode });
    const xattrs = mergeXattrs(node.xattrs, attributes.xattrs);
    const same = node.mode === attributes.mode && node.uid === attributes.uid &&
      node.gid === attributes.gid && equalTimestamps(node.mtime, attributes.mtime) &&
      xattrs === node.xattrs;
    if (!same) this.#tree.update(id, { ...node, ...attributes, xattrs });
  }

  #attributes(entry: Entry, bearer: Bearer): Attributes {
    const { path, uid, gid, mtime } = entry;
    if (!isBelow(uid, MAX_ID)) throw refused("E_ID", path, `its user id is ${uid}`);
    if (!isBelow(gid, MAX_ID)) throw refused("E_ID", path, `its group id is ${gid}`);
    if (!isBelow(mtime.ns, 999_999_999)) throw refused("E_TIME", path, "its time is malformed");
    const { limits } = this.#budget;
    const xattrs = judgeXattrs(entry, bearer, this.#policy, limits, this.#warnings);
    for (const { name, value } of xattrs) this.#budget.metadata(name.length + value.length, path);
    return { mode: bearer.mode, uid, gid, mtime, xattrs };
  }

  /** Notes that `old` gives way to another node; −1 is none. */
  #replaces(old: NodeId, path: ByteString): void {
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

/** Linux gives every symbolic link the mode 0777 and never looks at it. */
function bearer(entry: Entry): Bearer {
  const { type } = entry;
  if (type === "symlink") return { type, mode: 0o777 };
  return { type: type === "hardlink" ? "file" : type, mode: entry.mode & PERMISSIONS };
}

function checkTarget(entry: Entry, limit: number): void {
  const { linkname, path } = entry;
  if (linkname === "") throw refused("E_LINKNAME", path, "it is a link without a target");
  if (linkname.includes("\0")) throw refused("E_LINKNAME", path, "its target holds a NUL");
  if (linkname.length > limit) {
    throw refused("E_LINKNAME", path, `its target is longer than ${limit} bytes`);
  }
}

/** Whether a number is an integer from 0 to `max`. */
function isBelow(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

function notRoot(path: ByteString): VarveError {
  return refused("E_ROOT_TYPE", path, "the root can only be a directory");
}

function refused(code: ErrorCode, path: ByteString, why: string): VarveError {
  const subject = shownPath(path);
  return new VarveError(code, `Cannot take entry ${subject}: ${why}`, { subject });
}
