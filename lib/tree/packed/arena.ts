import { VarveError } from "../../errors.ts";

/**
 * Size of a page as a power of two: 2^20 bytes. A page of 1 MiB is small compared with a large
 * tree, and large compared with a block.
 */
const PAGE_SHIFT = 20;
/** Size of a page in bytes. */
export const PAGE_BYTES: number = 1 << PAGE_SHIFT;
const UNIT_SHIFT = 3;
/** Bytes per unit of an address. With 8 bytes, addresses of 32 bits reach 32 GiB. */
const UNIT: number = 1 << UNIT_SHIFT;
const UNITS_SHIFT = PAGE_SHIFT - UNIT_SHIFT;
const UNITS_MASK = (1 << UNITS_SHIFT) - 1;
/** Initial size of the first page in bytes. It is small, because most trees are small. */
const FIRST_BYTES = 1 << 14;

/** Rounds a number of bytes up to whole units. */
function roundUp(bytes: number): number {
  return Math.ceil(bytes / UNIT) * UNIT;
}

/** Two views of one buffer. */
export interface Page {
  /** The buffer as bytes. */
  u8: Uint8Array<ArrayBuffer>;
  /** The buffer as words. */
  u32: Uint32Array<ArrayBuffer>;
}

function makePage(bytes: number): Page {
  const buffer = new ArrayBuffer(bytes);
  return { u8: new Uint8Array(buffer), u32: new Uint32Array(buffer) };
}

/**
 * Memory that only grows. An allocation never crosses the end of a page. An allocation that is
 * larger than a page gets its own buffer, which takes several page numbers.
 */
export class Arena {
  /**
   * The pages by number. A larger buffer has several numbers; all but its first are holes in the
   * array.
   */
  readonly pages: Page[] = [];
  /** Number of the last page. */
  #last = -1;
  /** Bytes used in the last page. */
  #used = 0;
  /** Maximum size of the last page in bytes; its buffer may still be smaller. */
  #room = 0;

  /**
   * Reserves zeroed memory.
   *
   * @returns the address of the memory, in units of 8 bytes
   * @throws {VarveError} `E_LIMIT` beyond 32 GiB
   */
  alloc(bytes: number): number {
    const size = roundUp(bytes);
    if (size > this.#room - this.#used) this.#grow(size);
    const last = this.#last;
    const at = this.#used;
    this.#used = at + size;
    if (this.#used > (this.pages[last] as Page).u8.length) this.#extend(last);
    return last * (1 << UNITS_SHIFT) + (at >>> UNIT_SHIFT);
  }

  #grow(size: number): void {
    this.#last = this.pages.length;
    const slots = Math.max(1, Math.ceil(size / PAGE_BYTES));
    if (this.#last + slots > 1 << (32 - UNITS_SHIFT)) {
      throw new VarveError("E_LIMIT", "Cannot build tree: it needs more than 32 GiB");
    }
    const first = this.#last === 0 && slots === 1;
    const bytes = slots > 1 ? size : first ? Math.max(FIRST_BYTES, size) : PAGE_BYTES;
    this.pages.push(makePage(bytes));
    this.pages.length = this.#last + slots;
    this.#used = 0;
    // Nothing is allocated between the end of a larger buffer and the next page, because the page
    // numbers there have no buffer.
    this.#room = slots > 1 ? size : PAGE_BYTES;
  }

  #extend(last: number): void {
    const old = this.pages[last] as Page;
    const grown = makePage(Math.min(PAGE_BYTES, Math.max(this.#used, old.u8.length * 4)));
    grown.u8.set(old.u8);
    // The page object stays the same, so that its holders see the new views.
    old.u8 = grown.u8;
    old.u32 = grown.u32;
  }

  /** The page that holds an address. */
  page(address: number): Page {
    return this.pages[address >>> UNITS_SHIFT] as Page;
  }

  /** Index of an address in the words of its page. */
  word(address: number): number {
    return (address & UNITS_MASK) << 1;
  }

  /** Size of all buffers in bytes. */
  get bytes(): number {
    let sum = 0;
    for (const page of this.pages) if (page !== undefined) sum += page.u8.length;
    return sum;
  }

  /** Frees the unused end of the last page. */
  trim(): void {
    const page = this.pages[this.#last];
    if (page === undefined || page.u8.length - this.#used < UNIT) return;
    const exact = makePage(this.#used);
    exact.u8.set(page.u8.subarray(0, this.#used));
    page.u8 = exact.u8;
    page.u32 = exact.u32;
    this.#room = this.#used;
  }
}
