import { S_IFDIR, S_IFMT } from "../../bytes/mod.ts";
import type { DiffId } from "../../digest/mod.ts";
import {
  O_ADDRESS,
  O_COUNT,
  O_DIGEST,
  O_LENGTH,
  O_LINKED,
  O_MARKED,
  RESULT_WORDS,
} from "../packed/block_writer.ts";
import { DirectoryWriter } from "../packed/directory_writer.ts";
import {
  EXTENT_WORDS,
  F_DIGEST,
  F_GROUP,
  R_MODE,
  R_NAME,
  R_SIZE,
  SPARSE,
  STORED_FLAGS,
  wordsOf,
} from "../packed/format.ts";
import { type PackedTree, sealTree } from "../packed/packed_tree.ts";
import { SegmentWriter } from "../packed/segment_writer.ts";
import type { TreeKind } from "../tree.ts";
import { L_HEAP, L_INODE, L_NO_DIGEST, L_SIDE, OWN_SOURCE, type RecordLog } from "./record_log.ts";
import { sortNames } from "./sort_names.ts";

/**
 * Link groups by the record of the inode. A group has the same form as in the heap: length, then
 * bytes.
 */
export type Groups = ReadonlyMap<number, Uint32Array>;

/** Packs directories of a log into a segment, children before their parents. */
export class Packer {
  readonly #log: RecordLog;
  /** The layers that locators in the log refer to. The list may still grow. */
  readonly #sources: readonly DiffId[];
  #segment = new SegmentWriter();
  #writer = new DirectoryWriter(this.#segment);
  /**
   * The number of each layer in the segment, by its number in the log; undefined until a file needs
   * the layer.
   */
  #sourceOf: number[] = [0];
  /** The number that is reserved for the layer of {@linkcode setFinal}; 0 until a file needs it. */
  #ownIndex = 0;
  /** The layer of {@linkcode setFinal}: `undefined` before that call, null when there is none. */
  #own: DiffId | null | undefined;
  /** The results of the packed directories. All empty directories share the first result. */
  #results = new Uint32Array(64 * RESULT_WORDS);
  #directories = 1;
  #names = 0;
  #groups: Groups = new Map();

  constructor(log: RecordLog, sources: readonly DiffId[]) {
    this.#log = log;
    this.#sources = sources;
  }

  /** Number of names that were packed. */
  get names(): number {
    return this.#names;
  }

  /** Whether the content of a packed file lies in the layer of {@linkcode setFinal}. */
  get usesOwnLayer(): boolean {
    return this.#ownIndex !== 0;
  }

  /**
   * Sets the layer that holds the content of files, and the link groups. Both are known only when
   * the builder finishes. Before this call, no name of an inode with several names may be packed.
   */
  setFinal(own: DiffId | null, groups: Groups): void {
    this.#own = own;
    this.#groups = groups;
  }

  /** Drops all packed directories and frees their memory. */
  clear(): void {
    this.#segment = new SegmentWriter();
    this.#writer = new DirectoryWriter(this.#segment);
    this.#sourceOf = [0];
    this.#ownIndex = 0;
    this.#directories = 1;
    this.#names = 0;
  }

  /** Packs a directory. Its names are the records `order[from, to)`, which are sorted in place. */
  directory(id: number, order: Uint32Array, from: number, to: number): void {
    sortNames(this.#log, order, from, to);
    for (let i = from; i < to; i++) this.#row(order[i] as number);
    const at = this.#directories * RESULT_WORDS;
    if (at + RESULT_WORDS > this.#results.length) {
      const grown = new Uint32Array(this.#results.length * 2);
      grown.set(this.#results);
      this.#results = grown;
    }
    this.#writer.finish(this.#results, at);
    this.#log.set(id, L_SIDE, at);
    this.#directories++;
    this.#names += to - from;
  }

  /** Packs the row of the root and makes the tree. All directories must be packed. */
  seal(kind: TreeKind): PackedTree {
    this.#row(0);
    if (this.#ownIndex !== 0) this.#segment.name(this.#ownIndex, this.#own as DiffId);
    return sealTree(kind, this.#segment, this.#writer);
  }

  #row(id: number): void {
    const log = this.#log;
    const writer = this.#writer;
    const inode = log.get(id, L_INODE);
    const words = log.words(inode);
    const at = log.at(inode);
    const heap = words[at + L_HEAP] as number;
    const page = log.arena.page(heap);
    const nameAt = log.arena.word(heap) + 1;
    const nameWord = words[at + R_NAME] as number;
    if (inode === id) {
      writer.begin(words, at, page.u32, nameAt);
    } else {
      writer.beginNamed(words, at, log.heapPage(id).u32, log.nameAt(id), log.nameLength(id));
    }
    const rest = nameAt + wordsOf(nameWord & 0xffff);
    const restWords = page.u32[nameAt - 1] as number;
    const row = writer.row;
    const rows = writer.rows;
    let flags = (nameWord >>> 16) & STORED_FLAGS;
    const name = (rows[row + R_NAME] as number) & 0xffff;
    if (((words[at + R_MODE] as number) & S_IFMT) === S_IFDIR) {
      const results = this.#results;
      const child = words[at + L_SIDE] as number;
      flags |= results[child + O_MARKED] as number;
      if (results[child + O_LENGTH] !== 0) {
        flags |= F_DIGEST;
        writer.part(results, child + O_DIGEST, 8);
      }
      rows[row + R_SIZE] = results[child + O_COUNT] as number;
      rows[row + R_SIZE + 1] = results[child + O_LINKED] as number;
      writer.part(page.u32, rest, restWords);
      rows[row + R_NAME] = (name | (flags << 16)) >>> 0;
      writer.end(0, results[child + O_ADDRESS] as number, results[child + O_LENGTH] as number);
      return;
    }
    if (((nameWord >>> 16) & L_NO_DIGEST) !== 0) {
      throw new TypeError("Cannot finish tree: the content of a file was not set");
    }
    writer.part(page.u32, rest, restWords);
    const group = this.#groups.get(inode);
    if (group !== undefined) {
      flags |= F_GROUP;
      writer.part(group, 0, group.length);
    }
    rows[row + R_NAME] = (name | (flags << 16)) >>> 0;
    this.#side(words, at + L_SIDE);
  }

  #side(words: Uint32Array, at: number): void {
    const side = words[at] as number;
    const source = this.#source(side & ~SPARSE);
    const second = words[at + 1] as number;
    const third = words[at + 2] as number;
    if ((side & SPARSE) === 0 || source === 0) {
      if (source === 0) this.#writer.end(0, 0, 0);
      else this.#writer.end(source, second, third);
      return;
    }
    const arena = this.#log.arena;
    let place = 0;
    if (third > 0) {
      place = this.#writer.extents(
        arena.page(second).u32,
        arena.word(second),
        third * EXTENT_WORDS,
      );
    }
    this.#writer.end((source | SPARSE) >>> 0, place, third);
  }

  #source(index: number): number {
    if (index === OWN_SOURCE) {
      if (this.#own === null) return 0;
      if (this.#ownIndex === 0) this.#ownIndex = this.#segment.reserve();
      return this.#ownIndex;
    }
    return this.#sourceOf[index] ??= this.#segment.source(this.#sources[index - 1] as DiffId);
  }
}
