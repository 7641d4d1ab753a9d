/** Bytes of a SHA-256 digest. */
const LENGTH = 32;
/** What an empty slot holds. */
const EMPTY = -1;

/**
 * Numbers contents by their digests: an image has a million of them, and a `Map` with a string for each takes three
 * times the memory of the digests themselves.
 */
export class ContentTable {
  /** The digests, one after the other. */
  #digests = new Uint8Array(LENGTH * 1024);
  /** Open addressing with linear probing: numbers of contents. At most half of the slots are taken. */
  #slots = new Int32Array(2048).fill(EMPTY);
  #count = 0;

  /** Number of contents. */
  get count(): number {
    return this.#count;
  }

  /** The number of a content; {@linkcode count} before the call for one that is new. */
  add(digest: Uint8Array): number {
    if (this.#count * LENGTH === this.#digests.length) this.#grow();
    const slot = this.#slotOf(digest, 0);
    const known = this.#slots[slot] as number;
    if (known !== EMPTY) return known;
    this.#digests.set(digest, this.#count * LENGTH);
    this.#slots[slot] = this.#count;
    return this.#count++;
  }

  /** The digest of a content. */
  digest(content: number): Uint8Array {
    return this.#digests.slice(content * LENGTH, (content + 1) * LENGTH);
  }

  /** The slot of the digest at a position of some bytes, or the empty one where it belongs. */
  #slotOf(bytes: Uint8Array, at: number): number {
    const mask = this.#slots.length - 1;
    const head = (bytes[at] as number) | (bytes[at + 1] as number) << 8 |
      (bytes[at + 2] as number) << 16 | (bytes[at + 3] as number) << 24;
    let slot = head & mask;
    while (this.#slots[slot] !== EMPTY && !this.#isAt(this.#slots[slot] as number, bytes, at)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #isAt(content: number, bytes: Uint8Array, at: number): boolean {
    const begin = content * LENGTH;
    for (let i = 0; i < LENGTH; i++) {
      if (this.#digests[begin + i] !== bytes[at + i]) return false;
    }
    return true;
  }

  #grow(): void {
    const digests = new Uint8Array(2 * this.#digests.length);
    digests.set(this.#digests);
    this.#digests = digests;
    this.#slots = new Int32Array(2 * this.#slots.length).fill(EMPTY);
    for (let i = 0; i < this.#count; i++) this.#slots[this.#slotOf(digests, i * LENGTH)] = i;
  }
}
