/**
 * Kinds of entries. `LINK` is a symbolic link, `ALIAS` another name of an inode (a hard link),
 * `OTHER` a device or FIFO.
 */
export const DIRECTORY = 1, FILE = 2, LINK = 3, WHITEOUT = 4, ALIAS = 5, OTHER = 6;
/** Mask of the kind of an entry. */
const KIND = 7;
/** Flag: the inode can be compact if its time is equal to the image's time. */
const COMPACTABLE = 8;

/**
 * The records that the first pass over a tree makes for each entry: everything that is needed to
 * place its inode. So planning does not read the tree again, and inodes are written exactly as they
 * were planned. An entry takes 21 bytes.
 *
 * Entries are numbered in the order in which {@linkcode eachDirectory} visits them; the root is 0.
 */
export class EntryTable {
  /**
   * The size of the content of each inode in bytes. For an alias, the number of the entry that has
   * its inode.
   */
  readonly sizes: Float64Array;
  /**
   * The link count of each inode: the number of its names; for a directory, 2 plus the number of
   * directories in it.
   */
  readonly links: Uint32Array;
  /** The directories, in the order in which they are visited. */
  readonly visited: number[] = [];
  /**
   * The first entry of each visited directory. The entries of a directory reach up to the first
   * entry of the next directory.
   */
  readonly firsts: number[] = [];
  readonly #forms: Uint8Array;
  readonly #lo: Uint32Array;
  readonly #ns: Uint32Array;
  /** The number of the xattr set of each entry. Made when the first xattr set is recorded. */
  #xattrs: Uint32Array | undefined;

  /** Makes a table for the entries 0 to `count`. */
  constructor(count: number) {
    this.sizes = new Float64Array(count + 1);
    this.links = new Uint32Array(count + 1);
    this.#forms = new Uint8Array(count + 1);
    this.#lo = new Uint32Array(count + 1);
    this.#ns = new Uint32Array(count + 1);
  }

  /** The kind of an entry: {@linkcode DIRECTORY} to {@linkcode OTHER}. */
  kind(entry: number): number {
    return (this.#forms[entry] as number) & KIND;
  }

  /** Records an entry that has its own inode. `xattrs` is the number of its xattr set. */
  put(entry: number, kind: number, size: number, links: number, xattrs: number): void {
    this.#forms[entry] = kind;
    this.sizes[entry] = size;
    this.links[entry] = links;
    if (xattrs === 0) return;
    this.#xattrs ??= new Uint32Array(this.sizes.length);
    this.#xattrs[entry] = xattrs;
  }

  /**
   * Records that an inode can be compact, if its time (`lo`, `ns`) is equal to the image's time.
   */
  markCompactable(entry: number, lo: number, ns: number): void {
    this.#forms[entry]! |= COMPACTABLE;
    this.#lo[entry] = lo;
    this.#ns[entry] = ns;
  }

  /** Records another name of the inode of entry `of`. */
  alias(entry: number, of: number): void {
    this.#forms[entry] = ALIAS;
    this.sizes[entry] = of;
    this.links[of]!++;
  }

  /** Whether an inode can be compact in an image that has this time. */
  isCompact(entry: number, { lo, ns }: { readonly lo: number; readonly ns: number }): boolean {
    return ((this.#forms[entry] as number) & COMPACTABLE) !== 0 && this.#lo[entry] === lo &&
      this.#ns[entry] === ns;
  }

  /** The number of the xattr set of an entry; 0 when it has no xattrs. */
  xattrs(entry: number): number {
    return this.#xattrs === undefined ? 0 : this.#xattrs[entry] as number;
  }
}
