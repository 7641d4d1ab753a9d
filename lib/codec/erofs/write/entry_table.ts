/** What an entry is, to a place in the image. */
export const DIRECTORY = 1, FILE = 2, LINK = 3, WHITEOUT = 4, ALIAS = 5, OTHER = 6;
const KIND = 7;
/** Its ids fit a compact inode, and its time does, if it is the image's own. */
const SMALL = 8;

/**
 * What placing needs to know of every entry, from the first pass: planning then reads no tree, and the
 * inodes are written in the form in which they were planned. An entry costs 21 bytes.
 */
export class EntryTable {
  /** What the inode tells; of an alias the entry whose inode it has. */
  readonly sizes: Float64Array;
  /** Names of the inode; of a directory 2 and one for each directory in it. */
  readonly links: Uint32Array;
  /** Directories in the order of the visits. */
  readonly visited: number[] = [];
  /** Of each of them the first entry; the others follow, up to the first of the next. */
  readonly firsts: number[] = [];
  readonly #forms: Uint8Array;
  readonly #lo: Uint32Array;
  readonly #ns: Uint32Array;
  /** Numbers of the sets of xattrs; made when the first is noted. */
  #xattrs: Uint32Array | undefined;

  /** For entries 0 to `count`, 0 being the root. */
  constructor(count: number) {
    this.sizes = new Float64Array(count + 1);
    this.links = new Uint32Array(count + 1);
    this.#forms = new Uint8Array(count + 1);
    this.#lo = new Uint32Array(count + 1);
    this.#ns = new Uint32Array(count + 1);
  }

  /** One of {@linkcode DIRECTORY} to {@linkcode OTHER}. */
  kind(entry: number): number {
    return (this.#forms[entry] as number) & KIND;
  }

  /** Notes what has an inode of its own. */
  put(entry: number, kind: number, size: number, links: number, xattrs: number): void {
    this.#forms[entry] = kind;
    this.sizes[entry] = size;
    this.links[entry] = links;
    if (xattrs === 0) return;
    this.#xattrs ??= new Uint32Array(this.sizes.length);
    this.#xattrs[entry] = xattrs;
  }

  /** Notes that an inode can be compact, if this is the image's own time. */
  small(entry: number, lo: number, ns: number): void {
    this.#forms[entry]! |= SMALL;
    this.#lo[entry] = lo;
    this.#ns[entry] = ns;
  }

  /** Notes one more name of an inode. */
  alias(entry: number, of: number): void {
    this.#forms[entry] = ALIAS;
    this.sizes[entry] = of;
    this.links[of]!++;
  }

  /** Whether an inode can be compact in an image of this time. */
  isSmall(entry: number, { lo, ns }: { readonly lo: number; readonly ns: number }): boolean {
    return ((this.#forms[entry] as number) & SMALL) !== 0 && this.#lo[entry] === lo &&
      this.#ns[entry] === ns;
  }

  /** The number of its xattrs' set; 0 when it has none. */
  xattrs(entry: number): number {
    return this.#xattrs === undefined ? 0 : this.#xattrs[entry] as number;
  }
}
