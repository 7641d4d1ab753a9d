import { VarveError } from "../../errors.ts";
import { limitError } from "./limit_error.ts";
import { crc32 } from "./node_zlib.ts";

const FHCRC = 0x02;
const FEXTRA = 0x04;
const FNAME = 0x08;
const FCOMMENT = 0x10;
const RESERVED = 0xe0;

/** The part of a header that the next byte belongs to, in the order of RFC 1952, 2.3. */
type Part = "fixed" | "extraLength" | "extra" | "name" | "comment" | "crc" | "done";

/**
 * Reads and checks the header of a gzip member, from pieces of any size. Its contents are not kept.
 */
export class GzipHeader {
  readonly #limit: number;
  readonly #field = new Uint8Array(10);
  #have = 0;
  #part: Part = "fixed";
  #flags = 0;
  #crc = 0;
  #size = 0;
  #extra = 0;
  #first = true;

  /** @param limit maximum size of a header in bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether the header is complete. */
  get done(): boolean {
    return this.#part === "done";
  }

  /** Prepares for the header of the next member. */
  reset(): void {
    this.#part = "fixed";
    this.#have = this.#crc = this.#size = 0;
    this.#first = false;
  }

  /**
   * Takes bytes of the header.
   *
   * @returns the index after the last byte that belongs to the header
   * @throws {VarveError} `E_FORMAT` when the header is malformed, `E_LIMIT` when it is too large,
   *   `E_TRAILING` when the bytes after a member do not begin another member
   */
  push(input: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && this.#part !== "done") {
      const next = this.#take(input, at, end);
      this.#size += next - at;
      if (this.#size > this.#limit) {
        throw limitError("gzipHeaderBytes", "a member's header", this.#limit, this.#size);
      }
      at = next;
    }
    return at;
  }

  #take(input: Uint8Array, at: number, end: number): number {
    switch (this.#part) {
      case "fixed":
        return this.#takeFixed(input, at, end);
      case "extraLength": {
        const next = this.#gather(2, input, at, end);
        if (this.#have === 2) {
          this.#hash(this.#field, 0, 2);
          this.#extra = this.#field[0]! + 256 * this.#field[1]!;
          this.#next(this.#extra > 0 ? "extra" : this.#partBehind("extra"));
        }
        return next;
      }
      case "extra": {
        const next = Math.min(end, at + this.#extra);
        this.#extra -= next - at;
        this.#hash(input, at, next);
        if (this.#extra === 0) this.#next(this.#partBehind("extra"));
        return next;
      }
      case "name":
      case "comment": {
        const nul = input.indexOf(0, at);
        const ended = nul >= 0 && nul < end;
        const next = ended ? nul + 1 : end;
        this.#hash(input, at, next);
        if (ended) this.#next(this.#partBehind(this.#part));
        return next;
      }
      default:
        return this.#takeCrc(input, at, end);
    }
  }

  #takeFixed(input: Uint8Array, at: number, end: number): number {
    const next = this.#gather(10, input, at, end);
    const field = this.#field;
    if (field[0] !== 0x1f || (this.#have > 1 && field[1] !== 0x8b)) {
      if (this.#first) throw malformed("it does not begin with the magic bytes of gzip");
      throw new VarveError("E_TRAILING", "Cannot decompress gzip stream: bytes follow its end");
    }
    if (this.#have > 2 && field[2] !== 8) throw malformed(`unknown method ${field[2]}`);
    if (this.#have > 3 && (field[3]! & RESERVED) !== 0) throw malformed("reserved flags are set");
    if (this.#have === 10) {
      this.#flags = field[3]!;
      this.#hash(field, 0, 10);
      this.#next(this.#partBehind("fixed"));
    }
    return next;
  }

  /** Checks the header checksum: the low half of the CRC-32 of all header bytes before it. */
  #takeCrc(input: Uint8Array, at: number, end: number): number {
    const next = this.#gather(2, input, at, end);
    if (this.#have === 2) {
      const expected = this.#field[0]! + 256 * this.#field[1]!;
      const actual = this.#crc & 0xffff;
      if (actual !== expected) throw malformed("a header checksum differs", { expected, actual });
      this.#next("done");
    }
    return next;
  }

  #gather(length: number, input: Uint8Array, at: number, end: number): number {
    let next = at;
    while (next < end && this.#have < length) this.#field[this.#have++] = input[next++]!;
    return next;
  }

  #hash(bytes: Uint8Array, start: number, end: number): void {
    if ((this.#flags & FHCRC) !== 0) this.#crc = crc32(bytes.subarray(start, end), this.#crc);
  }

  /** The part that follows `part`, according to the flags of the header. */
  #partBehind(part: "fixed" | "extra" | "name" | "comment"): Part {
    const flags = this.#flags;
    if (part === "fixed" && (flags & FEXTRA) !== 0) return "extraLength";
    if (part !== "name" && part !== "comment" && (flags & FNAME) !== 0) return "name";
    if (part !== "comment" && (flags & FCOMMENT) !== 0) return "comment";
    return (flags & FHCRC) !== 0 ? "crc" : "done";
  }

  #next(part: Part): void {
    this.#part = part;
    this.#have = 0;
  }
}

/** The error for a malformed gzip stream. */
export function malformed(
  state: string,
  details: { readonly expected?: number | undefined; readonly actual?: number | undefined } = {},
): VarveError {
  return new VarveError("E_FORMAT", `Cannot decompress gzip stream: ${state}`, details);
}
