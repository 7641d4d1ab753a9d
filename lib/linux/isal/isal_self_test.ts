import { type CompressedPiece, compressPiece } from "../../codec/compress/mod.ts";
import { VarveError } from "../../errors.ts";
import { CANARY_BYTES, IsalInflater, STATE_BYTES } from "./isal_inflater.ts";
import type { IsalSymbols } from "./isal_library.ts";

/** An empty last deflate block, with fixed codes. */
const LAST_BLOCK = Uint8Array.of(0x03, 0x00);
/** Bytes of a gzip trailer. */
const TRAILER_BYTES = 8;
/** Value that memory is filled with, to see where the library writes. */
const UNTOUCHED = 0xa5;

/** Ranges `[from, to)` of the state that `isal_inflate_init` sets to zero. It writes nothing else. */
const ZEROED = [[0, 40], [21_160, 21_216]] as const;

/** A test case: a deflate stream with trailer, and its content. */
interface Vector {
  readonly content: Uint8Array;
  readonly packed: Uint8Array;
}

/**
 * Tests all properties of the library that varve relies on. It takes some milliseconds.
 *
 * It tests the layout of the state; stored, fixed and dynamic blocks; several members in a row, cut
 * into pieces of different sizes; that wrong trailers are refused; and that a truncated stream does
 * not count as complete.
 *
 * @returns what is wrong with the library; `undefined` when it passed
 */
export function selfTest(library: IsalSymbols): string | undefined {
  try {
    if (!hasKnownLayout(library)) return "its state has another layout";
    const vectors = makeVectors();
    const trial = new Trial(library);
    try {
      return tryVectors(trial, vectors);
    } finally {
      trial.close();
    }
  } catch (error) {
    if (error instanceof VarveError) return error.message;
    throw error;
  }
}

function tryVectors(trial: Trial, vectors: readonly Vector[]): string | undefined {
  const [, short] = vectors as [Vector, Vector];
  const small = vectors.slice(0, 3);
  if (!trial.gives(vectors, 1 << 16, 1 << 16)) return "it returns wrong bytes";
  if (!trial.gives(vectors, 4099, 5000)) return "it returns wrong bytes for pieces";
  if (!trial.gives(small, 1, 7) || !trial.gives(small, 13, 1)) {
    return "it returns wrong bytes for pieces";
  }
  const { packed } = short;
  for (let length = 0; length < packed.length; length++) {
    if (trial.ends(packed.subarray(0, length))) return "it takes a truncated stream for complete";
  }
  for (let at = packed.length - TRAILER_BYTES; at < packed.length; at++) {
    if (!trial.refuses(short, at)) return "it accepts a wrong trailer";
  }
  return undefined;
}

function hasKnownLayout(library: IsalSymbols): boolean {
  const state = new Uint8Array(STATE_BYTES + CANARY_BYTES).fill(UNTOUCHED);
  library.isal_inflate_init(state);
  const expected = new Uint8Array(state.length).fill(UNTOUCHED);
  for (const [from, to] of ZEROED) expected.fill(0, from, to);
  for (let i = 0; i < state.length; i++) if (state[i] !== expected[i]) return false;
  return true;
}

function makeVectors(): Vector[] {
  const text = new TextEncoder().encode("a varve is a thin yearly layer of sediment. ".repeat(6));
  const noise = new Uint8Array(40_000);
  // A linear congruential generator makes the same bytes everywhere.
  for (let i = 0, x = 1; i < noise.length; i++) noise[i] = (x = (x * 69_069 + 1) >>> 0) >>> 24;
  const mixed = noise.map((byte, i) => i % 1000 < 600 ? byte & 15 : noise[i % 400] as number);
  return [
    vector(new Uint8Array(0), 6),
    vector(text, 1),
    vector(text, 9),
    vector(noise, 0),
    vector(noise, 6),
    vector(mixed, 6),
    vector(new Uint8Array(90_000), 6),
  ];
}

function vector(content: Uint8Array, level: number): Vector {
  const piece: CompressedPiece = compressPiece(content, { format: "gzip", level });
  const packed = new Uint8Array(piece.bytes.length + LAST_BLOCK.length + TRAILER_BYTES);
  packed.set(piece.bytes);
  packed.set(LAST_BLOCK, piece.bytes.length);
  const view = new DataView(packed.buffer, packed.length - TRAILER_BYTES);
  view.setUint32(0, piece.crc32, true);
  view.setUint32(4, piece.length, true);
  return { content, packed };
}

/** Runs all test cases with one inflater, as one inflater decodes all gzip members of a layer. */
class Trial {
  readonly #inflater: IsalInflater;
  readonly #out = new Uint8Array(128 * 1024);
  /** Number of bytes of input that the last member took. */
  consumed = 0;
  /** Number of bytes of output that the last member made. */
  produced = 0;

  constructor(library: IsalSymbols) {
    this.#inflater = new IsalInflater(library);
  }

  /**
   * Whether several members in a row inflate to their contents.
   *
   * @param step bytes of input per call
   * @param room bytes of output per call
   */
  gives(vectors: readonly Vector[], step: number, room: number): boolean {
    const length = vectors.reduce((sum, { packed }) => sum + packed.length, 0);
    // The bytes after the last member look like one more member.
    const input = new Uint8Array(length + 64).fill(0x1f);
    let at = 0;
    for (const { packed } of vectors) {
      input.set(packed, at);
      at += packed.length;
    }
    at = 0;
    for (const { content, packed } of vectors) {
      if (!this.#run(input.subarray(at), step, room)) return false;
      at += packed.length;
      if (this.consumed !== packed.length || this.produced !== content.length) return false;
      for (let i = 0; i < content.length; i++) if (this.#out[i] !== content[i]) return false;
    }
    return true;
  }

  /** Whether the library finds the end of a member in the input. */
  ends(input: Uint8Array): boolean {
    return this.#run(input, input.length, this.#out.length);
  }

  /** Whether the library refuses a member after a bit of the byte at `at` was flipped. */
  refuses({ packed }: Vector, at: number): boolean {
    const wrong = packed.slice();
    wrong[at] = wrong[at]! ^ 0x10;
    try {
      this.ends(wrong);
      return false;
    } catch (error) {
      return error instanceof VarveError && error.code === "E_FORMAT";
    }
  }

  close(): void {
    this.#inflater.close();
  }

  #run(input: Uint8Array, step: number, room: number): boolean {
    const inflater = this.#inflater;
    inflater.reset();
    this.consumed = this.produced = 0;
    for (;;) {
      const end = Math.min(input.length, this.consumed + step);
      const most = Math.min(this.#out.length, this.produced + room);
      const out = this.#out.subarray(0, most);
      const ended = inflater.write(input, this.consumed, end, out, this.produced);
      this.consumed += inflater.consumed;
      this.produced += inflater.produced;
      if (ended || inflater.consumed + inflater.produced === 0) return ended;
    }
  }
}
