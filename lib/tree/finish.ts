import type { ByteString } from "../bytes/mod.ts";
import { fromBytes, writeBytes } from "../bytes/mod.ts";
import type { DiffId } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import {
  O_ADDRESS,
  O_COUNT,
  O_DIGEST,
  O_LENGTH,
  O_LINKED,
  O_MARKED,
  RESULT_WORDS,
} from "./block_writer.ts";
import { DirectoryWriter } from "./directory_writer.ts";
import {
  EXTENT_WORDS,
  F_DIGEST,
  F_GROUP,
  R_MODE,
  R_NAME,
  R_SIZE,
  S_IFDIR,
  S_IFMT,
  SPARSE,
  STORED_FLAGS,
  wordsOf,
} from "./format.ts";
import {
  L_DEAD,
  L_HEAP,
  L_INODE,
  L_PARENT,
  L_SIDE,
  L_UNTOLD,
  type Log,
  OWN_SOURCE,
} from "./log.ts";
import { type PackedTree, sealTree } from "./packed.ts";
import { SegmentWriter } from "./segment_writer.ts";
import { sortNames } from "./sort.ts";
import type { TreeKind } from "./tree.ts";

/** Every name of an inode repeats its attributes and its group: so many bytes of that are always fine, … */
const REPEAT_FREE = 1 << 26;
/** … and so many for each entry. */
const REPEAT_EACH = 256;

/** Turns a builder's records into a tree. */
export function finishLog(
  log: Log,
  kind: TreeKind,
  sources: readonly DiffId[],
  own: DiffId | null,
  linked: boolean,
): PackedTree {
  log.dropTable();
  return new Finisher(log, sources, own).finish(kind, linked);
}

class Finisher {
  readonly #log: Log;
  readonly #segment = new SegmentWriter();
  readonly #writer: DirectoryWriter = new DirectoryWriter(this.#segment);
  readonly #sourceOf: number[] = [0];
  readonly #own: DiffId | null;
  #ownIndex = -1;
  #results = new Uint32Array(64 * RESULT_WORDS);
  #directories = 0;
  /** Group of each inode with several live names, as it stands in the heap: length, then bytes. */
  readonly #groups = new Map<number, Uint32Array>();

  constructor(log: Log, sources: readonly DiffId[], own: DiffId | null) {
    this.#log = log;
    this.#own = own;
    for (const source of sources) this.#sourceOf.push(this.#segment.source(source));
  }

  finish(kind: TreeKind, linked: boolean): PackedTree {
    const log = this.#log;
    const count = log.length;
    // ends[d] becomes where the children of d end in `order`.
    const ends = new Uint32Array(count);
    const live = this.#countChildren(ends);
    let sum = 0;
    for (let id = 0; id < count; id++) ends[id] = sum += ends[id] as number;
    const order = new Uint32Array(sum);
    for (let id = count - 1; id > 0; id--) {
      if (live[id] !== 1) continue;
      const parent = log.get(id, L_PARENT);
      order[--ends[parent]!] = id;
    }
    // Now ends[d] is where they begin.
    if (linked) this.#findGroups(live);
    // A directory's record is older than its children's: backwards, children come first.
    for (let id = count - 1; id >= 0; id--) {
      if (live[id] === 1 && (log.get(id, R_MODE) & S_IFMT) === S_IFDIR) {
        this.#directory(
          id,
          order,
          ends[id] as number,
          id + 1 < count ? ends[id + 1] as number : sum,
        );
      }
    }
    this.#row(0);
    return sealTree(kind, this.#segment, this.#writer);
  }

  #countChildren(counts: Uint32Array): Uint8Array {
    const log = this.#log;
    const live = new Uint8Array(log.length);
    live[0] = 1;
    for (let id = 1; id < log.length; id++) {
      const words = log.words(id);
      const at = log.at(id);
      const parent = words[at + L_PARENT] as number;
      if (((words[at + R_NAME] as number) >>> 16 & L_DEAD) !== 0 || live[parent] !== 1) continue;
      live[id] = 1;
      counts[parent]!++;
    }
    return live;
  }

  #findGroups(live: Uint8Array): void {
    const log = this.#log;
    const names = new Map<number, { count: number; least: ByteString }>();
    const add = (inode: number, id: number): void => {
      const path = this.#path(id);
      const known = names.get(inode);
      if (known === undefined) names.set(inode, { count: 1, least: path });
      else {
        known.count++;
        if (path < known.least) known.least = path;
      }
    };
    for (let id = 1; id < log.length; id++) {
      const inode = log.get(id, L_INODE);
      if (inode === id || live[id] !== 1) continue;
      if (!names.has(inode) && live[inode] === 1) add(inode, inode);
      add(inode, id);
    }
    let repeated = 0;
    for (const [inode, { count, least }] of names) {
      if (count < 2) continue;
      const words = new Uint32Array(1 + wordsOf(least.length));
      words[0] = least.length;
      writeBytes(least, new Uint8Array(words.buffer), 4);
      this.#groups.set(inode, words);
      let each = log.heapPage(inode).u32[log.nameAt(inode) - 1] as number;
      if ((log.get(inode, L_SIDE) & SPARSE) !== 0) {
        each += log.get(inode, L_SIDE + 2) * EXTENT_WORDS;
      }
      repeated += count * ((words.length + each) << 2);
    }
    if (repeated > REPEAT_FREE + REPEAT_EACH * log.length) {
      throw new VarveError(
        "E_LIMIT",
        "Cannot build tree: its hard links repeat long paths or xattrs too often",
      );
    }
  }

  #path(id: number): ByteString {
    const log = this.#log;
    let path = "";
    for (let at = id; at !== 0; at = log.get(at, L_PARENT)) {
      const start = log.nameAt(at) << 2;
      const name = fromBytes(log.heapPage(at).u8, start, start + log.nameLength(at));
      path = path === "" ? name : name + "/" + path;
    }
    return path as ByteString;
  }

  #directory(id: number, order: Uint32Array, from: number, to: number): void {
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
    if (((nameWord >>> 16) & L_UNTOLD) !== 0) {
      throw new TypeError("Cannot finish tree: the content of a file was never told");
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
    if (index !== OWN_SOURCE) return this.#sourceOf[index] as number;
    if (this.#own === null) return 0;
    if (this.#ownIndex < 0) this.#ownIndex = this.#segment.source(this.#own);
    return this.#ownIndex;
  }
}
