import {
  type ByteString,
  fromBytes,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../../bytes/mod.ts";
import type { DiffId } from "../../../digest/mod.ts";
import { VarveError } from "../../../errors.ts";
import {
  type Locator,
  type Node,
  type Tree,
  TreeBuilder,
  type TreeKind,
  type TreeSource,
  type Xattr,
} from "../../../tree/mod.ts";
import { damaged } from "../errors.ts";
import { DIRENT_TYPES } from "../format.ts";
import type { ReadLayer } from "../options.ts";
import { ContentHasher } from "./content_hasher.ts";
import { ImageBytes } from "./image_bytes.ts";
import { readDirents } from "./read_dirents.ts";
import { type DeviceExtent, readExtents } from "./read_extents.ts";
import { flatContent, type Inode, readInode } from "./read_inode.ts";
import { readSuperblock, type Superblock } from "./read_superblock.ts";
import { XattrReader } from "./xattr_reader.ts";

/** Options of {@linkcode readErofs}. */
export interface ReadErofsOptions {
  /**
   * The kind of image: `"root"` (default) for a whole file system, `"layer"` for one layer of an
   * overlay.
   */
  readonly kind?: TreeKind | undefined;
  /**
   * The layers that are the devices of the image, in order. Default: the layers that the tags of
   * the devices name.
   */
  readonly devices?: readonly DiffId[] | undefined;
  /** Reads bytes of a layer tar, to hash the files that lie in it. */
  readonly read?: ReadLayer | undefined;
  /**
   * Whether files are hashed. Default: true. An image does not hold the digests of its files, so
   * with false the digest of the tree has no meaning.
   */
  readonly hash?: boolean | undefined;
  /** Maximum number of content bytes to hash, including holes. Default: 64 GiB. */
  readonly maxContent?: number | undefined;
}

/** Stands for the digest of a file that is not hashed. */
const UNKNOWN = new Uint8Array(32).fill(0xff);
const MAX_TARGET = 4095;
const OPAQUE = "trusted.overlay.opaque" as ByteString;
const ORIGIN = "trusted.overlay.origin" as ByteString;

/**
 * Reads an uncompressed EROFS image as a tree. It reads images of {@linkcode writeErofs} and of
 * mkfs.erofs. A file whose content lies in one device gets a locator. The image is not trusted:
 * everything is checked, and memory is bounded by a small multiple of the size of the image.
 *
 * The image of a layer does not mark implied directories, so the tree has none.
 *
 * @example
 * ```ts
 * import { readErofs, writeErofs } from "@varve/varve/erofs";
 * import { emptyTree } from "@varve/varve/tree";
 *
 * const tree = emptyTree("root");
 * const image = writeErofs(tree);
 * const bytes = new Uint8Array(image.size);
 * let at = 0;
 * image.write((piece) => {
 *   bytes.set(piece, at);
 *   at += piece.length;
 * });
 * if (readErofs(bytes).digest !== tree.digest) throw new Error("another tree");
 * ```
 *
 * @throws {VarveError} `E_FORMAT` when the image is damaged, compressed, or has features that are
 *   not supported, `E_TYPE` for a socket, `E_LIMIT` when the files are larger than `maxContent`,
 *   when hard links repeat too many attributes, or when inodes repeat too many xattrs
 * @throws {RangeError} when the number of `devices` differs from the image's
 * @throws {TypeError} when files lie in devices and `read` is missing
 */
export function readErofs(image: Uint8Array | TreeSource, options: ReadErofsOptions = {}): Tree {
  const source = image instanceof Uint8Array
    ? { size: image.length, readSync: (at: number, n: number) => image.subarray(at, at + n) }
    : image;
  return new ErofsReader(new ImageBytes(source), options).tree();
}

class ErofsReader {
  readonly #image: ImageBytes;
  readonly #sb: Superblock;
  readonly #xattrs: XattrReader;
  readonly #builder: TreeBuilder;
  readonly #devices: readonly (DiffId | undefined)[];
  readonly #isLayer: boolean;
  readonly #content: ContentHasher | null;

  constructor(image: ImageBytes, options: ReadErofsOptions) {
    this.#image = image;
    this.#sb = readSuperblock(image);
    this.#xattrs = new XattrReader(image, this.#sb);
    this.#isLayer = options.kind === "layer";
    this.#builder = new TreeBuilder({ kind: options.kind ?? "root" });
    const { devices } = this.#sb;
    if (options.devices !== undefined && options.devices.length !== devices.length) {
      throw new RangeError(
        `Cannot read EROFS image: ${options.devices.length} devices are given, it has ${devices.length}`,
      );
    }
    this.#devices = options.devices ?? devices;
    this.#content = options.hash === false
      ? null
      : new ContentHasher(image, this.#devices, options.read, options.maxContent);
  }

  tree(): Tree {
    const builder = this.#builder;
    const { root } = this.#sb;
    const inode = this.#inode(root);
    if ((inode.mode & S_IFMT) !== S_IFDIR) damaged("its root is not a directory");
    builder.update(builder.root, this.#node(inode));
    const directories = new Set([root]);
    /** The builder's nodes of inodes with several names, by inode number. */
    const linked = new Map<number, number>();
    const stack = [{ inode, id: builder.root, parent: root }];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const { nid } = top.inode;
      let dots = 0;
      for (const dirent of readDirents(this.#image, this.#sb, top.inode)) {
        if (dirent.name === "." || dirent.name === "..") {
          dots++;
          const wanted = dirent.name === "." ? nid : top.parent;
          if (dirent.nid !== wanted) {
            damaged(`${dirent.name} of directory ${nid} refers to another directory`);
          }
          continue;
        }
        const known = linked.get(dirent.nid);
        if (known !== undefined) {
          builder.link(top.id, dirent.name, known);
          continue;
        }
        const child = this.#inode(dirent.nid);
        if (DIRENT_TYPES[child.mode >>> 12] !== dirent.type) {
          damaged(`an entry of directory ${nid} has another type than its inode`);
        }
        const node = this.#node(child);
        const id = builder.put(top.id, dirent.name, node);
        if (node.type === "directory") {
          if (directories.has(dirent.nid)) damaged(`directory ${dirent.nid} has two names`);
          directories.add(dirent.nid);
          stack.push({ inode: child, id, parent: nid });
        } else if (child.links > 1 && node.type !== "whiteout") linked.set(dirent.nid, id);
      }
      if (dots !== 2) damaged(`directory ${nid} lacks . or ..`);
    }
    return builder.finish(null);
  }

  #inode(nid: number): Inode {
    const inode = readInode(this.#image, this.#sb, nid);
    if (inode.mtime.ns >= 1e9) damaged(`the time of inode ${nid} is malformed`);
    return inode;
  }

  #node(inode: Inode): Node {
    const { mode, uid, gid, mtime, data, size, nid } = inode;
    const xattrs = this.#xattrs.read(inode);
    const common = { mode: mode & 0o7777, uid, gid, mtime, xattrs };
    switch (mode & S_IFMT) {
      case S_IFDIR:
        return this.#directory(common, xattrs);
      case S_IFREG: {
        const extents = readExtents(this.#image, this.#sb, inode);
        return {
          ...common,
          type: "file",
          group: null,
          size,
          digest: size === 0 ? null : this.#content?.digest(size, extents) ?? UNKNOWN,
          locator: size === 0 ? null : this.#locator(extents),
        };
      }
      case S_IFLNK:
        return { ...common, type: "symlink", group: null, target: this.#target(inode) };
      case S_IFCHR:
      case S_IFBLK: {
        if (this.#isLayer && data === 0 && (mode & S_IFMT) === S_IFCHR) return { type: "whiteout" };
        const type = (mode & S_IFMT) === S_IFCHR ? "char" : "block";
        const major = data >>> 8 & 0xfff;
        return {
          ...common,
          type,
          group: null,
          major,
          minor: data & 0xff | data >>> 12 & 0xfff00,
        };
      }
      case S_IFIFO:
        return { ...common, type: "fifo", group: null };
      default:
        throw new VarveError("E_TYPE", `Cannot read EROFS image: inode ${nid} has mode ${mode}`);
    }
  }

  #directory(common: Omit<Node & { type: "fifo" }, "type" | "group">, xattrs: Xattr[]): Node {
    const type = "directory";
    if (!this.#isLayer) return { ...common, type, opaque: false, implied: false };
    const opaque = xattrs.some(({ name, value }) => name === OPAQUE && value === "y");
    const kept = xattrs.filter(({ name }) => name !== OPAQUE && name !== ORIGIN);
    return { ...common, type, xattrs: kept, opaque, implied: false };
  }

  #target(inode: Inode): ByteString {
    const { size, nid } = inode;
    if (size === 0 || size > MAX_TARGET) damaged(`the target of inode ${nid} has ${size} bytes`);
    const { inBlocks, blocksAt, tailAt } = flatContent(this.#sb, inode);
    this.#image.spend(size);
    const first = fromBytes(this.#image.at(inBlocks === 0 ? 0 : blocksAt, inBlocks));
    const target = first + fromBytes(this.#image.at(tailAt, size - inBlocks)) as ByteString;
    if (target.includes("\0")) damaged(`the target of inode ${nid} holds a NUL`);
    return target;
  }

  #locator(extents: readonly DeviceExtent[]): Locator | null {
    const device = extents[0]?.device ?? 0;
    const source = this.#devices[device - 1];
    if (source === undefined || extents.some((extent) => extent.device !== device)) return null;
    return {
      source,
      extents: extents.map(({ logical, length, position }) => ({ logical, length, position })),
    };
  }
}
