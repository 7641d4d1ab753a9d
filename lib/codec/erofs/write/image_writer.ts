import { assert } from "@std/assert";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT } from "../../../bytes/mod.ts";
import type { DiffId } from "../../../digest/mod.ts";
import type { Row } from "../../../tree/mod.ts";
import {
  alignUp,
  BLOCK,
  BLOCK_BITS,
  CHUNK_BASED,
  CHUNK_BYTES,
  CHUNK_INDEXES,
  DIRENT_TYPES,
  EXTENDED_BYTES,
  FLAT_INLINE,
  NID_BYTES,
  NO_BLOCK,
  XATTR_HEADER_BYTES,
} from "../format.ts";
import type { WriteErofsOptions } from "../options.ts";
import { DirentEncoder, Dots } from "./dirents.ts";
import { type Directory, eachDirectory } from "./each_directory.ts";
import { encodeSuperblock } from "./encode_superblock.ts";
import { ALIAS, DIRECTORY } from "./entry_table.ts";
import type { SpecialFile } from "./file_planner.ts";
import { ImageOutput } from "./image_output.ts";
import { InodeShape, Placer } from "./inode_shape.ts";
import type { ErofsPlan } from "./plan_erofs.ts";
import { writeCopies } from "./write_copies.ts";

const DIRECTORY_TYPE = DIRENT_TYPES[S_IFDIR >>> 12] as number;
const WHITEOUT_TYPE = DIRENT_TYPES[S_IFCHR >>> 12] as number;

/** Writes a planned image to a sink. */
export function writeImage(
  plan: ErofsPlan,
  options: WriteErofsOptions,
  sink: (bytes: Uint8Array<ArrayBuffer>) => void,
): void {
  const out = new ImageOutput(sink);
  out.bytes(encodeSuperblock(plan));
  const inodes = new InodeWriter(plan, out);
  eachDirectory(plan.tree, (directory, first, below) => inodes.directory(directory, first, below));
  const { pool, files } = plan.survey;
  out.zerosTo(plan.sharedAt);
  for (const bytes of pool.shared()) out.bytes(bytes);
  out.zerosTo(plan.copiesAt);
  for (const file of files.special.values()) writeCopies(file, options, out);
  out.zerosTo(plan.size);
  out.flush();
}

/**
 * Writes the inodes with their xattrs, tails, chunk arrays and blocks, in the order in which they
 * were planned.
 */
class InodeWriter {
  readonly #plan: ErofsPlan;
  readonly #out: ImageOutput;
  readonly #shape: InodeShape;
  readonly #placer: Placer;
  readonly #dirents = new DirentEncoder();
  readonly #devices = new Map<DiffId, number>();
  #lastSource: DiffId | undefined;
  #lastDevice = 0;
  #number = 0;

  constructor(plan: ErofsPlan, out: ImageOutput) {
    this.#plan = plan;
    this.#out = out;
    this.#shape = new InodeShape(plan.survey);
    this.#placer = new Placer(plan.inodesAt);
    // Device 0 is the image itself.
    for (const [i, { source }] of plan.devices.entries()) this.#devices.set(source, i + 1);
  }

  /**
   * Writes a directory, and the inodes of those entries that are not directories. Returns the
   * number of entries.
   */
  directory({ row, entry, parent }: Directory, first: number, below: Directory[]): number {
    const { table } = this.#plan.survey;
    const shape = this.#shape;
    const count = this.#entries(row, entry, parent, first, below);
    const { bytes, size } = this.#dirents;
    shape.take(entry);
    assert(shape.size === size, "a directory is not as large as it was planned");
    const at = this.#placer.inode(shape);
    const { blockBytes } = shape;
    const blocksAt = blockBytes === 0 ? 0 : this.#placer.blocks(blockBytes);
    this.#inode(row, entry, at, blockBytes === 0 ? NO_BLOCK : blocksAt / BLOCK);
    if (shape.layout === FLAT_INLINE) this.#out.bytes(bytes, size - shape.tail, size);
    if (blockBytes > 0) {
      this.#out.zerosTo(blocksAt);
      this.#out.bytes(bytes, 0, blockBytes);
    }
    let child = first;
    for (const rows = row.entries(); rows?.valid; rows.next(), child++) {
      const kind = table.kind(child);
      if (kind !== DIRECTORY && kind !== ALIAS) this.#leaf(rows, child);
    }
    return count;
  }

  /** Encodes the entries of a directory, and adds the directories among them to `below`. */
  #entries(row: Row, entry: number, parent: number, first: number, below: Directory[]): number {
    const { nids } = this.#plan;
    const dirents = this.#dirents;
    const dots = new Dots();
    const own = nids[entry] as number;
    const up = nids[parent] as number;
    const addDots = (due: number) => {
      for (; due > 0; due--) {
        const length = dots.placed - due + 1;
        dirents.addDots(length === 1 ? own : up, DIRECTORY_TYPE, length);
      }
    };
    dirents.begin();
    let child = first;
    for (const rows = row.entries(); rows?.valid; rows.next(), child++) {
      if (dots.placed < 2) addDots(dots.before(rows));
      const { mode } = rows;
      const type = mode === 0 ? WHITEOUT_TYPE : DIRENT_TYPES[mode >>> 12] as number;
      dirents.add(nids[child] as number, type, rows.bytes, rows.nameStart, rows.nameLength);
      if (type === DIRECTORY_TYPE) below.push({ row: rows.copy(), entry: child, parent: entry });
    }
    addDots(dots.rest());
    dirents.end();
    return child - first;
  }

  /** Writes the inode of an entry that is not a directory, and the data that follows the inode. */
  #leaf(row: Row, entry: number): void {
    const shape = this.#shape;
    const out = this.#out;
    const { special } = this.#plan.survey.files;
    const file = special.size === 0 ? undefined : special.get(entry);
    shape.take(entry);
    const at = this.#placer.inode(shape);
    const { blockBytes } = shape;
    let data = NO_BLOCK;
    if (shape.layout === CHUNK_BASED) data = CHUNK_INDEXES | (shape.chunkBits - BLOCK_BITS);
    else if (blockBytes > 0) data = this.#placer.blocks(blockBytes) / BLOCK;
    const type = row.mode & S_IFMT;
    if (type === S_IFCHR || type === S_IFBLK) data = encodeDevice(row.major, row.minor);
    else if (type !== S_IFLNK && shape.size === 0) data = row.mode === 0 ? 0 : NO_BLOCK;
    this.#inode(row, entry, at, data);
    if (type === S_IFLNK) {
      if (blockBytes > 0) out.zerosTo(data * BLOCK);
      out.bytes(row.bytes, row.targetStart, row.targetStart + shape.size);
    }
    if (shape.chunks > 0) {
      out.zerosTo(alignUp(out.at, CHUNK_BYTES));
      if (file === undefined) this.#chunks(row.source as DiffId, row.position);
      else this.#specialChunks(file);
    }
  }

  /** Writes an inode and its xattrs. `data` is its word `i_u` (see `Inode.data` of the reader). */
  #inode(row: Row, entry: number, at: number, data: number): void {
    const out = this.#out;
    const { bytes, layout, area, size, links } = this.#shape;
    assert(this.#plan.nids[entry] === at / NID_BYTES, "an inode is not where it was planned");
    out.zerosTo(at);
    const isExtended = bytes === EXTENDED_BYTES;
    const xattrs = area.length === 0 ? 0 : (area.length - XATTR_HEADER_BYTES) / 4 + 1;
    const { u32 } = out;
    const word = out.words(bytes / 4);
    const mode = row.mode === 0 ? S_IFCHR : row.mode;
    u32[word] = (isExtended ? 1 : 0) | layout << 1 | xattrs << 16;
    u32[word + 2] = size;
    u32[word + 4] = data;
    u32[word + 5] = ++this.#number;
    if (isExtended) {
      u32[word + 1] = mode;
      u32[word + 3] = size / 0x1_0000_0000;
      u32[word + 6] = row.uid;
      u32[word + 7] = row.gid;
      u32[word + 8] = row.mtimeLo;
      u32[word + 9] = row.mtimeHi;
      u32[word + 10] = row.mtimeNs;
      u32[word + 11] = links;
      u32[word + 12] =
        u32[word + 13] =
        u32[word + 14] =
        u32[word + 15] =
          0;
    } else {
      u32[word + 1] = mode | links << 16;
      u32[word + 3] = 0;
      u32[word + 6] = row.uid | row.gid << 16;
      u32[word + 7] = 0;
    }
    if (area.length > 0) out.bytes(area);
  }

  /** Writes the chunk array of a file that is one run of a layer. */
  #chunks(source: DiffId, position: number): void {
    const { chunks, chunkBits } = this.#shape;
    const device = this.#deviceOf(source);
    if (chunks === 1) return this.#chunk(device, position / BLOCK);
    const step = 2 ** (chunkBits - BLOCK_BITS);
    for (let i = 0; i < chunks; i++) this.#chunk(device, position / BLOCK + i * step);
  }

  /** Writes the chunk array of a special file. */
  #specialChunks({ source, plan, copyAt }: SpecialFile): void {
    const step = 2 ** (plan.bits - BLOCK_BITS);
    const { copiesAt } = this.#plan;
    let copy = (copiesAt + copyAt) / BLOCK;
    let done = 0;
    for (const { first, count, position } of plan.runs) {
      for (; done < first; done++) this.#chunk(0, NO_BLOCK);
      const device = position < 0 ? 0 : this.#deviceOf(source);
      let block = position < 0 ? copy : position / BLOCK;
      for (; done < first + count; done++, block += step) this.#chunk(device, block);
      if (position < 0) copy = block;
    }
    for (; done < plan.chunks; done++) this.#chunk(0, NO_BLOCK);
  }

  #chunk(device: number, block: number): void {
    const word = this.#out.words(2);
    this.#out.u32[word] = device << 16;
    this.#out.u32[word + 1] = block;
  }

  #deviceOf(source: DiffId): number {
    if (source !== this.#lastSource) {
      this.#lastSource = source;
      this.#lastDevice = this.#devices.get(source) as number;
    }
    return this.#lastDevice;
  }
}

/** Encodes a device number as the kernel does (`new_encode_dev`). */
function encodeDevice(major: number, minor: number): number {
  return (minor & 0xff | major << 8 | (minor & ~0xff) << 12) >>> 0;
}
