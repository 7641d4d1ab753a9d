import type { Inflater } from "../../codec/compress/mod.ts";
import { VarveError } from "../../errors.ts";
import type { IsalSymbols } from "./isal_library.ts";

/** Size of `struct inflate_state` in bytes (igzip_lib.h of isa-l 2.25 to 2.32 on x86-64). */
export const STATE_BYTES = 87_368;
/** Offsets of fields in `struct inflate_state`, in bytes. */
const NEXT_OUT = 0, AVAIL_OUT = 8, NEXT_IN = 16, AVAIL_IN = 32, BLOCK_STATE = 21_160;
const CRC_FLAG = 21_172;

/** Value of the field block_state at the end of a member: `ISAL_BLOCK_FINISH`. */
const FINISHED = 5;
/**
 * Value of the field crc_flag: the input begins after the gzip header, and the trailer is verified
 * (`ISAL_GZIP_NO_HDR_VER`).
 */
const GZIP_NO_HEADER_VERIFY = 6;

/** Bytes after the state that must not change. A library with a larger state would write there. */
export const CANARY_BYTES = 8192;
const CANARY = 0x5a;

/** Smaller inputs are copied: V8 keeps small arrays on its heap, where their address can change. */
const SMALL_BYTES = 4096;

/** Meaning of negative results, as far as known. */
const MEANING: Readonly<Record<number, string>> = {
  [-1]: "invalid block",
  [-2]: "invalid symbol",
  [-3]: "invalid distance",
  [-6]: "the CRC-32 or the length of a member differs",
};

/**
 * Inflates gzip members by libisal. The library is foreign code: every number that it returns is checked,
 * and a library that misbehaves ends the stream with `E_INTERNAL`.
 */
export class IsalInflater implements Inflater {
  readonly checksTrailer = true;
  consumed = 0;
  produced = 0;
  readonly #library: IsalSymbols;
  readonly #state: Uint8Array<ArrayBuffer> = new Uint8Array(STATE_BYTES + CANARY_BYTES);
  readonly #words: Uint32Array = new Uint32Array(this.#state.buffer, 0, STATE_BYTES / 4);
  readonly #small: Uint8Array = new Uint8Array(SMALL_BYTES);
  readonly #input = new Address();
  readonly #output = new Address();
  #finished = false;
  #closed = false;

  /** @param library a library that passed the self-test */
  constructor(library: IsalSymbols) {
    this.#library = library;
    this.#state.fill(CANARY, STATE_BYTES);
  }

  reset(): void {
    this.#finished = false;
    this.#library.isal_inflate_init(this.#state);
    this.#words[CRC_FLAG / 4] = GZIP_NO_HEADER_VERIFY;
  }

  write(input: Uint8Array, start: number, end: number, output: Uint8Array, at: number): boolean {
    if (this.#closed) throw new TypeError("Cannot inflate: the inflater is closed");
    this.consumed = this.produced = 0;
    if (this.#finished) return true;
    if (end - start < SMALL_BYTES) {
      this.#small.set(input.subarray(start, end));
      return this.#write(this.#small, 0, end - start, output, at);
    }
    return this.#write(input, start, end, output, at);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // A library that wrote after its state may have damaged other memory too.
    for (let i = STATE_BYTES; i < this.#state.length; i++) {
      if (this.#state[i] !== CANARY) throw misbehaves("it wrote after the end of its own memory");
    }
  }

  #write(input: Uint8Array, start: number, end: number, output: Uint8Array, at: number): boolean {
    const words = this.#words;
    const given = end - start;
    const room = output.length - at;
    this.#input.of(input).put(words, NEXT_IN / 4, start);
    words[AVAIL_IN / 4] = given;
    this.#output.of(output).put(words, NEXT_OUT / 4, at);
    words[AVAIL_OUT / 4] = room;
    const result = this.#library.isal_inflate(this.#state);
    const inputLeft = words[AVAIL_IN / 4]!;
    const roomLeft = words[AVAIL_OUT / 4]!;
    if (this.#state[STATE_BYTES] !== CANARY) {
      throw misbehaves("it wrote after the end of its own memory");
    }
    if (roomLeft > room) throw misbehaves("it counted more room than it was given");
    // After an error the count of remaining input is wrong, because the library also counts bytes
    // of earlier calls.
    if (result < 0) {
      const state = MEANING[result] ?? `invalid data (${result})`;
      throw new VarveError("E_FORMAT", `Cannot decompress gzip stream: ${state}`);
    }
    if (inputLeft > given) throw misbehaves("it counted more input than it was given");
    if (result !== 0) throw misbehaves(`its result was ${result}`);
    this.consumed = given - inputLeft;
    this.produced = room - roomLeft;
    return this.#finished = words[BLOCK_STATE / 4] === FINISHED;
  }
}

/**
 * The address of an array in memory. It is looked up once per buffer, because a look-up costs more
 * than a call into the library.
 */
class Address {
  #buffer: ArrayBufferLike | undefined;
  #low = 0;
  #high = 0;
  #offset = 0;

  /** Selects an array. */
  of(bytes: Uint8Array): this {
    if (bytes.buffer !== this.#buffer) {
      const whole = new Uint8Array(bytes.buffer as ArrayBuffer);
      const pointer = Deno.UnsafePointer.value(Deno.UnsafePointer.of(whole));
      this.#low = Number(pointer & 0xffff_ffffn);
      this.#high = Number(pointer >> 32n);
      this.#buffer = bytes.buffer;
    }
    this.#offset = bytes.byteOffset;
    return this;
  }

  /** Writes a 64-bit pointer to byte `at` of the array into `words`, at index `word`. */
  put(words: Uint32Array, word: number, at: number): void {
    const low = this.#low + this.#offset + at;
    words[word] = low;
    words[word + 1] = this.#high + Math.floor(low / 0x1_0000_0000);
  }
}

function misbehaves(state: string): VarveError {
  return new VarveError("E_INTERNAL", `Cannot trust libisal: ${state}`, {
    hint: "set VARVE_INFLATE=zlib",
  });
}
