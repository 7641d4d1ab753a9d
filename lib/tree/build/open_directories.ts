import { S_IFDIR, S_IFMT } from "../../bytes/mod.ts";
import { R_MODE } from "../packed/format.ts";
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

/** State of a directory: it is still empty. */
export const NEW = 0;
/** State of a directory: it is open, on the path to the directory that gets names. */
const OPEN = 1;
/** State of a directory: closed, and to be packed when the builder finishes. */
const LEFT = 2;
/** State of a directory: closed and packed. Every directory below it is packed too, or new. */
export const PACKED = 3;

/**
 * Early packing stops when too many names were packed for nothing. This is the number of such names
 * that is always allowed.
 */
const WASTE_FREE = 4096;
/** Number of such names that is allowed in addition, as a fraction of all packed names. */
const WASTE_PART = 1 / 8;
/** Maximum capacity of a list of names that is reused for the next directory. */
const KEPT_NAMES = 1 << 16;

/** An open directory. */
interface OpenDirectory {
  id: number;
  /**
   * Whether `names` holds all names of the directory. False when the directory was closed and
   * opened again.
   */
  whole: boolean;
  names: Uint32Array<ArrayBuffer>;
  count: number;
}

/**
 * The open directories: the directories on the path to the directory that gets names. When the
 * builder moves on to another directory, a directory that is no longer on the path is closed. It is
 * packed at once if its rows are final. Archives list a tree depth first, so little is left to pack
 * when the builder finishes. When an archive comes back to a packed directory, the packing is undone,
 * and the directory is packed when the builder finishes.
 */
export class OpenDirectories {
  readonly #log: RecordLog;
  readonly #packer: Packer;
  /** The first `#depth` directories are open. The others are kept to reuse their lists. */
  readonly #stack: OpenDirectory[] = [];
  #depth = 0;
  #top = 0;
  /** Number of names that were packed early and must be packed again later. */
  #wasted = 0;

  /** Opens the root. */
  constructor(log: RecordLog, packer: Packer) {
    this.#log = log;
    this.#packer = packer;
    this.#open(0);
  }

  /** Adds a new name to a directory. `id` is the record of the name. */
  add(directory: number, id: number): void {
    if (directory !== this.#top) this.#enter(directory);
    const open = this.#stack[this.#depth - 1] as OpenDirectory;
    // The root needs no list, because it is packed only when the builder finishes.
    if (!open.whole || directory === 0) return;
    if (open.count === open.names.length) {
      const grown = new Uint32Array(open.count * 2);
      grown.set(open.names);
      open.names = grown;
    }
    open.names[open.count++] = id;
  }

  /**
   * Undoes the packing of a directory and of the directories above it, because a row of the
   * directory changes.
   */
  change(directory: number): void {
    const log = this.#log;
    let id = directory;
    while (log.get(id, L_STATE) === PACKED) {
      log.set(id, L_STATE, LEFT);
      this.#wasted += log.get(id, L_PACKED);
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

  /**
   * Whether all rows of a directory are final, so that it can be packed. Drops removed names from
   * the list.
   */
  #isComplete(open: OpenDirectory): boolean {
    const log = this.#log;
    if (!open.whole || (log.flags(open.id) & L_DEAD) !== 0) return false;
    if (this.#wasted > WASTE_FREE + this.#packer.names * WASTE_PART) return false;
    const { names, count } = open;
    let live = 0;
    for (let i = 0; i < count; i++) {
      const id = names[i] as number;
      const flags = log.flags(id);
      if ((flags & L_DEAD) !== 0) continue;
      // A hard link is not final, because its link group is not known yet. The first name
      // of an inode may be packed, because a later link to it calls `change`, which undoes the
      // packing.
      if ((flags & L_NO_DIGEST) !== 0 || log.get(id, L_INODE) !== id) return false;
      const isDirectory = (log.get(id, R_MODE) & S_IFMT) === S_IFDIR;
      if (isDirectory && log.get(id, L_STATE) === LEFT) return false;
      names[live++] = id;
    }
    open.count = live;
    return true;
  }
}
