/**
 * A ring of slots in shared memory, which passes bytes from one thread to another. The writer can
 * produce bytes directly in a slot, and the reader uses them in place. They are then neither copied
 * nor sent in messages.
 *
 * The writer blocks its thread while the ring is full. While the ring is empty, the reader returns
 * to its event loop after each wait. No wait is longer than {@linkcode WAIT_MS}, and
 * {@linkcode stopRing} ends all waits, because a thread that is terminated in `Atomics.wait` can
 * hang the exit of the process.
 */
import { areZeros, zeros } from "../bytes/mod.ts";

/** Bytes of a slot. They fit the processor's cache. */
const SLOT_BYTES = 256 * 1024;
/**
 * Slots of a ring. With 32 slots, loading an image was 2 % faster, because more slots bridge the
 * moments in which one of the two threads is slow. But the ring of an ended job stays in memory
 * until it is garbage-collected, and a pull of 16 layers took 50 MiB more memory.
 */
const SLOTS = 8;
/** Maximum milliseconds of one wait. After it a thread checks whether the ring is stopped. */
const WAIT_MS = 20;
/** Slots after which the reader returns to its event loop, although there is more to read. */
const SLOTS_PER_TURN = 256;

/** Indices of the control words. `WRITTEN` and `READ` count slots and wrap at 2³². */
const WRITTEN = 0, READ = 1, STOPPED = 2, SKIPPED = 3, FLAG = 4, WORDS = 5;
/**
 * After the control words there is one word for each slot, its mark. The mark is the number of
 * bytes in the slot, or one of these: `ZEROS` + length for a run of zeros, which are not stored in
 * the slot; `LAST` + length for the last message, which ends the output; `NO_MESSAGE` for an end
 * without a message.
 */
const ZEROS = 0x2000_0000, LAST = 0x4000_0000, NO_MESSAGE = 0x7000_0000;

/** The memory of a ring. Both threads get it in a message and then share it. */
export interface Ring {
  /** The control words, then the mark of each slot. */
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

/**
 * Stops a ring, from any thread: wakes the writer and the reader, which then throw {@linkcode
 * RingStopped}. Idempotent.
 */
export function stopRing(ring: Ring): void {
  const control = new Int32Array(ring.control);
  Atomics.store(control, STOPPED, 1);
  Atomics.notify(control, WRITTEN);
  Atomics.notify(control, READ);
}

/**
 * Thrown by both ends of a stopped ring. It carries no reason, because the thread that stopped the
 * ring knows the reason.
 */
export class RingStopped extends Error {
  override readonly name = "RingStopped";
}

/** The common part of the writer and the reader. */
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

  /** Whether the ring is stopped. */
  get stopped(): boolean {
    return Atomics.load(this.control, STOPPED) !== 0;
  }

  /** Number of slots that are written and not read yet. */
  protected get filled(): number {
    return (Atomics.load(this.control, WRITTEN) - Atomics.load(this.control, READ)) | 0;
  }

  protected advance(word: number): void {
    Atomics.add(this.control, word, 1);
    Atomics.notify(this.control, word);
  }
}

/** The writing end of a ring, for one thread. */
export class RingWriter extends RingEnd {
  /** Whether the reader wants no more bytes, only the last message. */
  get skipped(): boolean {
    return Atomics.load(this.control, SKIPPED) !== 0;
  }

  /** Sets a flag that holds for all bytes that are written from now on. */
  setFlag(value: number): void {
    Atomics.store(this.control, FLAG, value);
  }

  /** Whether bytes lie in the memory of a slot. */
  owns(bytes: Uint8Array): boolean {
    return bytes.buffer === this.slots[0]?.buffer;
  }

  /**
   * Returns the next slot to fill. Blocks the thread until a slot is free.
   *
   * @throws {RingStopped}
   */
  slot(): Uint8Array {
    for (;;) {
      if (this.stopped) throw new RingStopped();
      const read = Atomics.load(this.control, READ);
      if (this.filled < SLOTS) return this.slots[this.#next] as Uint8Array;
      Atomics.wait(this.control, READ, read, WAIT_MS);
    }
  }

  /**
   * Publishes the slot that {@linkcode slot} returned, so that the reader can read it. `length` is
   * the number of bytes in the slot.
   */
  publish(length: number): void {
    this.#publish(length);
  }

  /**
   * Ends the output, with a last message of at most a slot's size, or `null` for none.
   *
   * @throws {RingStopped}
   */
  finish(message: Uint8Array | null): void {
    const slot = this.slot();
    if (message !== null) slot.set(message);
    this.#publish(message === null ? NO_MESSAGE : LAST + message.length);
  }

  /**
   * Copies bytes from other memory into slots and passes the slots to the reader.
   *
   * @throws {RingStopped}
   */
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

/** The reading end of a ring, for one thread. */
export class RingReader extends RingEnd {
  /** The flag that the writer set; 0 at first. */
  get flag(): number {
    return Atomics.load(this.control, FLAG);
  }

  /** Tells the writer that no more bytes are wanted, only the last message. */
  skip(): void {
    Atomics.store(this.control, SKIPPED, 1);
  }

  /**
   * Passes all bytes to `take`; they are valid only during the call. Returns the last message, or
   * `null` when there is none.
   *
   * @throws {RingStopped} once the bytes that were written before the stop are read
   */
  async read(take: (bytes: Uint8Array) => void): Promise<Uint8Array | null> {
    for (let count = 1;; count++) {
      await this.#wait(count % SLOTS_PER_TURN === 0);
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

  /**
   * Waits until there is a slot to read. Slots that were written before a stop are still read. If
   * `turn` is true, it lets the event loop run once, even if a slot is ready.
   */
  async #wait(turn: boolean): Promise<void> {
    for (;;) {
      const written = Atomics.load(this.control, WRITTEN);
      if (this.filled > 0 && !turn) return;
      if (this.filled === 0) {
        if (this.stopped) throw new RingStopped();
        Atomics.wait(this.control, WRITTEN, written, WAIT_MS);
      }
      // A timer, not a microtask: only a timer lets the event loop receive messages.
      if (turn || this.filled === 0) await new Promise<void>((resolve) => setTimeout(resolve));
      turn = false;
    }
  }
}
