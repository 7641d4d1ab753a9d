/**
 * A ring of buffers in shared memory, from one thread to another: bytes are made
 * where the other thread reads them, and nothing is copied or posted.
 *
 * The writer may block its thread while the ring is full, the reader lets its
 * event loop turn while it is empty. No wait is longer than {@linkcode TURN}, and
 * {@linkcode stopRing} ends all of them: a thread that sits in `Atomics.wait` when it
 * is terminated can hang the end of the process.
 */
import { areZeros, zeros } from "../bytes/mod.ts";

/** Bytes of a slot: small enough for a processor's cache. */
const SLOT_BYTES = 256 * 1024;
/**
 * Slots. 32 would bring 2 % of a load, for the threads are slow at different stretches; but rings of jobs
 * that ended stay until they are collected: a pull of 16 layers took 50 MiB more.
 */
const SLOTS = 8;
/** Milliseconds that a thread waits at most before it looks around. */
const TURN = 20;
/** Slots after which the reader's event loop turns, though there is more to read. */
const TURN_SLOTS = 256;

/** Indices of the control words. `WRITTEN` and `READ` count slots and wrap at 2³². */
const WRITTEN = 0, READ = 1, STOPPED = 2, SKIPPED = 3, NOTE = 4, WORDS = 5;
/** What a slot holds is its length. Zeros are only told; the last one's is marked, and may be a message or none. */
const ZEROS = 0x2000_0000, LAST = 0x4000_0000, NO_MESSAGE = 0x7000_0000;

/** The memory of a ring; it crosses to threads as it is. */
export interface Ring {
  /** Control words and the length of each slot. */
  readonly control: SharedArrayBuffer;
  /** The slots. */
  readonly data: SharedArrayBuffer;
}

/** Makes the memory of a ring: 2 MiB. */
export function createRing(): Ring {
  return {
    control: new SharedArrayBuffer((WORDS + SLOTS) * 4),
    data: new SharedArrayBuffer(SLOTS * SLOT_BYTES),
  };
}

/** Says to both ends that all is over, and wakes them. */
export function stopRing(ring: Ring): void {
  const control = new Int32Array(ring.control);
  Atomics.store(control, STOPPED, 1);
  Atomics.notify(control, WRITTEN);
  Atomics.notify(control, READ);
}

/** What an end throws when the ring is stopped; nobody is told, for whoever stopped it knows why. */
export class RingStopped extends Error {
  override readonly name = "RingStopped";
}

/** What both ends know. */
class RingEnd {
  protected readonly control: Int32Array;
  protected readonly slots: readonly Uint8Array[];

  constructor(ring: Ring) {
    this.control = new Int32Array(ring.control);
    this.slots = Array.from(
      { length: SLOTS },
      (_, i) => new Uint8Array(ring.data, i * SLOT_BYTES, SLOT_BYTES),
    );
  }

  /** Whether all is over. */
  get stopped(): boolean {
    return Atomics.load(this.control, STOPPED) !== 0;
  }

  /** Slots that are written and not read. */
  protected get filled(): number {
    return (Atomics.load(this.control, WRITTEN) - Atomics.load(this.control, READ)) | 0;
  }

  protected advance(word: number): void {
    Atomics.add(this.control, word, 1);
    Atomics.notify(this.control, word);
  }
}

/** The end that fills the slots. */
export class RingWriter extends RingEnd {
  /** Whether the reader wants no more bytes, only the end. */
  get skipped(): boolean {
    return Atomics.load(this.control, SKIPPED) !== 0;
  }

  /** Tells the reader something before the bytes that it holds for. */
  note(value: number): void {
    Atomics.store(this.control, NOTE, value);
  }

  /** Whether bytes lie in a slot. */
  owns(bytes: Uint8Array): boolean {
    return bytes.buffer === this.slots[0]?.buffer;
  }

  /** The next slot to fill; waits for a free one. @throws {RingStopped} */
  slot(): Uint8Array {
    for (;;) {
      if (this.stopped) throw new RingStopped();
      const read = Atomics.load(this.control, READ);
      if (this.filled < SLOTS) return this.slots[this.#next] as Uint8Array;
      Atomics.wait(this.control, READ, read, TURN);
    }
  }

  /** Hands over the slot that {@linkcode slot} gave, with that many bytes. */
  publish(length: number): void {
    this.#publish(length);
  }

  /** Ends the ring with a last message, of a slot's length at most; `null`: there is none. @throws {RingStopped} */
  finish(message: Uint8Array | null): void {
    const slot = this.slot();
    if (message !== null) slot.set(message);
    this.#publish(message === null ? NO_MESSAGE : LAST + message.length);
  }

  /** Hands over bytes that lie elsewhere. @throws {RingStopped} */
  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += SLOT_BYTES) {
      const piece = bytes.subarray(at, at + SLOT_BYTES);
      const slot = this.slot();
      if (areZeros(piece)) this.#publish(ZEROS + piece.length);
      else {
        slot.set(piece);
        this.publish(piece.length);
      }
    }
  }

  #publish(mark: number): void {
    this.control[WORDS + this.#next] = mark;
    this.advance(WRITTEN);
  }

  get #next(): number {
    return (Atomics.load(this.control, WRITTEN) >>> 0) % SLOTS;
  }
}

/** The end that empties the slots. */
export class RingReader extends RingEnd {
  /** What the writer noted; 0 when nothing. */
  get noted(): number {
    return Atomics.load(this.control, NOTE);
  }

  /** Says that no more bytes are wanted, only the end. */
  skip(): void {
    Atomics.store(this.control, SKIPPED, 1);
  }

  /**
   * Gives all bytes to `take`, which must keep none, and then the last message.
   *
   * @throws {RingStopped}
   */
  async read(take: (bytes: Uint8Array) => void): Promise<Uint8Array | null> {
    for (let count = 1;; count++) {
      await this.#wait(count % TURN_SLOTS === 0);
      const slot = (Atomics.load(this.control, READ) >>> 0) % SLOTS;
      const length = this.control[WORDS + slot] as number;
      if (length === NO_MESSAGE) return null;
      const bytes = this.slots[slot] as Uint8Array;
      if (length >= LAST) return new Uint8Array(bytes.subarray(0, length - LAST));
      if (length < ZEROS) take(bytes.subarray(0, length));
      else for (const piece of zeros(length - ZEROS)) take(piece);
      this.advance(READ);
    }
  }

  /** Waits until there is a slot to read: what was written before a stop is read. */
  async #wait(turn: boolean): Promise<void> {
    for (;;) {
      const written = Atomics.load(this.control, WRITTEN);
      if (this.filled > 0 && !turn) return;
      if (this.filled === 0) {
        if (this.stopped) throw new RingStopped();
        Atomics.wait(this.control, WRITTEN, written, TURN);
      }
      // A timer, so that messages are received, too.
      if (turn || this.filled === 0) await new Promise<void>((resolve) => setTimeout(resolve));
      turn = false;
    }
  }
}
