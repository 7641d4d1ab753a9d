import { R_MODE } from "../packed/format.ts";
import { S_IFDIR, S_IFMT } from "../stat_mode.ts";
import type { Packer } from "./packer.ts";
import {
  L_DEAD,
  L_INODE,
  L_NO_DIGEST,
  L_PACKED,
  L_PARENT,
  L_STATE,
  type RecordLog,
} from "./record_log.ts";

/** State of a directory: nothing was put into it. */
export const NEW = 0;
/** State: it is among the open ones. */
const OPEN = 1;
/** State: it was left, and is packed at the end. */
const LEFT = 2;
/** State: it was left and packed, and so was all below it, unless that is new. */
export const PACKED = 3;

/** Names packed in vain after which nothing is packed early any more: so many, … */
const VAIN_FREE = 4096;
/** … and this part of all that were packed. */
const VAIN_PART = 1 / 8;
/** Room for more names than that is not kept for the next directory. */
const KEPT_NAMES = 1 << 16;

/** A directory that names are put into. */
interface OpenDirectory {
  id: number;
  /** Whether `names` has all of them: not where it was left before. */
  whole: boolean;
  names: Uint32Array<ArrayBuffer>;
  count: number;
}

/**
 * The directories on the way to the one that names are put into. One that is left is packed at once:
 * archives go through a tree in depth, so that little is left to do at the end. What comes back to
 * such a directory undoes that, and it waits for the end.
 */
export class OpenDirectories {
  readonly #log: RecordLog;
  readonly #packer: Packer;
  /** The first `#depth` are open; the others lend their arrays. */
  readonly #stack: OpenDirectory[] = [];
  #depth = 0;
  #top = 0;
  /** Names packed early that are packed again at the end. */
  #vain = 0;

  /** Begins with the root open. */
  constructor(log: RecordLog, packer: Packer) {
    this.#log = log;
    this.#packer = packer;
    this.#open(0);
  }

  /** Notes that a directory gets a name that it did not have. */
  add(directory: number, id: number): void {
    if (directory !== this.#top) this.#enter(directory);
    const open = this.#stack[this.#depth - 1] as OpenDirectory;
    // The root is packed at the end, with what is known then.
    if (!open.whole || directory === 0) return;
    if (open.count === open.names.length) {
      const grown = new Uint32Array(open.count * 2);
      grown.set(open.names);
      open.names = grown;
    }
    open.names[open.count++] = id;
  }

  /** Notes that what a directory says of its names changes: it and those above it are packed at the end. */
  change(directory: number): void {
    const log = this.#log;
    let id = directory;
    while (log.get(id, L_STATE) === PACKED) {
      log.set(id, L_STATE, LEFT);
      this.#vain += log.get(id, L_PACKED);
      id = log.get(id, L_PARENT);
    }
  }

  #enter(directory: number): void {
    const log = this.#log;
    const isNew = log.get(directory, L_STATE) === NEW;
    this.change(isNew ? log.get(directory, L_PARENT) : directory);
    let above = directory;
    while (log.get(above, L_STATE) !== OPEN) above = log.get(above, L_PARENT);
    while (this.#top !== above) this.#leave();
    if (above !== directory) this.#open(directory);
  }

  #open(id: number): void {
    const { length } = this.#stack;
    if (this.#depth === length) {
      this.#stack.push({ id, whole: false, names: new Uint32Array(16), count: 0 });
    }
    const open = this.#stack[this.#depth++] as OpenDirectory;
    open.id = this.#top = id;
    open.whole = this.#log.get(id, L_STATE) === NEW;
    open.count = 0;
    this.#log.set(id, L_STATE, OPEN);
  }

  #leave(): void {
    const open = this.#stack[--this.#depth] as OpenDirectory;
    const { id } = open;
    this.#top = (this.#stack[this.#depth - 1] as OpenDirectory).id;
    const log = this.#log;
    if (this.#isComplete(open)) {
      this.#packer.directory(id, open.names, 0, open.count);
      log.set(id, L_STATE, PACKED);
      log.set(id, L_PACKED, open.count);
    } else {
      log.set(id, L_STATE, LEFT);
    }
    if (open.names.length > KEPT_NAMES) open.names = new Uint32Array(16);
  }

  /** Whether all that a directory's rows say is known; takes the names out that are gone. */
  #isComplete(open: OpenDirectory): boolean {
    const log = this.#log;
    if (!open.whole || (log.flags(open.id) & L_DEAD) !== 0) return false;
    if (this.#vain > VAIN_FREE + this.#packer.names * VAIN_PART) return false;
    const { names, count } = open;
    let live = 0;
    for (let i = 0; i < count; i++) {
      const id = names[i] as number;
      const flags = log.flags(id);
      if ((flags & L_DEAD) !== 0) continue;
      // The group of an inode is known at the end. Its first name need not be told from others: those that
      // are not in here are below, or undo this when they come.
      if ((flags & L_NO_DIGEST) !== 0 || log.get(id, L_INODE) !== id) return false;
      const isDirectory = (log.get(id, R_MODE) & S_IFMT) === S_IFDIR;
      if (isDirectory && log.get(id, L_STATE) === LEFT) return false;
      names[live++] = id;
    }
    open.count = live;
    return true;
  }
}
