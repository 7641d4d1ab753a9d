import { fromBytes } from "../../bytes/mod.ts";
import type { Extent } from "../../tree/mod.ts";
import { BLOCK } from "./format.ts";
import { parseDecimal, parseNumeric } from "./numeric_fields.ts";
import { tarError } from "./parse_header.ts";
import type { PaxRecords } from "./pax.ts";

/** A run of data in a sparse file: `[offset, length]`, before it is checked. */
export type SparseRun = readonly [offset: number, length: number];

/** Which way a file is sparse; `undefined` when it is not. */
export type SparseForm = "gnu" | "pax-0" | "pax-1" | undefined;

const NEWLINE = 0x0a;

/** Where header and extension blocks of the old GNU format keep their maps. */
const HEADER_MAP = { at: 386, entries: 4, more: 482, realSize: 483 } as const;
const EXTENSION_MAP = { at: 0, entries: 21, more: 504 } as const;

/**
 * Which sparse form the PAX records of a header ask for. Versions that are not
 * known make an ordinary file, as in Go's archive/tar.
 */
export function sparseFormOf(records: PaxRecords): SparseForm {
  if (records.size === 0) return undefined;
  const major = records.get("GNU.sparse.major") ?? "";
  const minor = records.get("GNU.sparse.minor") ?? "";
  if (major === "0" && (minor === "0" || minor === "1")) return "pax-0";
  if (major === "1" && minor === "0") return "pax-1";
  if (major !== "" || minor !== "") return undefined;
  return (records.get("GNU.sparse.map") ?? "") !== "" ? "pax-0" : undefined;
}

/** The size of a sparse file with its holes, where the PAX records say it. */
export function sparseSizeOf(records: PaxRecords, position: number): number | undefined {
  const text = records.get("GNU.sparse.size") || records.get("GNU.sparse.realsize") || "";
  if (text === "") return undefined;
  const size = parseDecimal(text);
  if (size === undefined) throw tarError(position, "the size of a sparse file is not a number");
  return size;
}

/** The map of formats 0.0 and 0.1, which stands in the PAX header. */
export function parsePaxMap(records: PaxRecords, position: number): SparseRun[] {
  const count = parseDecimal(records.get("GNU.sparse.numblocks") ?? "");
  const text = records.get("GNU.sparse.map") ?? "";
  const numbers = text === "" ? [] : text.split(",");
  if (count === undefined || count < 0 || numbers.length !== 2 * count) {
    throw tarError(position, "the sparse map does not have the entries it says");
  }
  const runs: SparseRun[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    runs.push([number(numbers[i] ?? "", position), number(numbers[i + 1] ?? "", position)]);
  }
  return runs;
}

/**
 * Reads the map of format 1.0 from the blocks in front of the data: numbers in
 * decimal, each with a newline: how many runs, then offset and length of each.
 * Feed whole blocks until it is `done`; what follows in the last one is padding.
 *
 * Source: GNU tar manual, "PAX Format, Version 1.0".
 */
export class SparseMapParser {
  /** What was read so far. */
  readonly runs: SparseRun[] = [];
  #count: number | undefined;
  #offset: number | undefined;
  #rest = "";

  /** Whether the map is complete. */
  get done(): boolean {
    return this.#count === this.runs.length;
  }

  /** Reads the next block. */
  block(bytes: Uint8Array, at: number, position: number): void {
    // A view of its own, so that no search runs on into the rest of a large chunk.
    const block = bytes.subarray(at, at + BLOCK);
    let start = 0;
    while (!this.done) {
      const newline = block.indexOf(NEWLINE, start);
      if (newline < 0) {
        this.#rest += fromBytes(block, start);
        // Leading zeros are legal and some writers pad with them: only their end is kept.
        if (/^0*$/.test(this.#rest)) this.#rest = this.#rest.slice(0, 1);
        if (this.#rest.length > BLOCK) throw tarError(position, "a sparse map holds no numbers");
        return;
      }
      this.#number(number(this.#rest + fromBytes(block, start, newline), position));
      this.#rest = "";
      start = newline + 1;
    }
  }

  #number(value: number): void {
    if (this.#count === undefined) this.#count = value;
    else if (this.#offset === undefined) this.#offset = value;
    else {
      this.runs.push([this.#offset, value]);
      this.#offset = undefined;
    }
  }
}

/**
 * Reads the part of an old GNU map that stands in a header (`first`) or in an
 * extension block; appends to `runs` and says whether another block follows.
 *
 * Source: GNU tar manual, "Old GNU Format".
 */
export function parseGnuMap(
  block: Uint8Array,
  at: number,
  first: boolean,
  runs: SparseRun[],
  position: number,
): boolean {
  const map = first ? HEADER_MAP : EXTENSION_MAP;
  for (let i = 0; i < map.entries; i++) {
    const entry = at + map.at + 24 * i;
    if (block[entry] === 0) break;
    const offset = parseNumeric(block, entry, 12);
    const length = parseNumeric(block, entry + 12, 12);
    if (offset === undefined || length === undefined) {
      throw tarError(position, "a sparse map holds no numbers");
    }
    runs.push([offset, length]);
  }
  return block[at + map.more] !== 0;
}

/** The size with its holes of a file in the old GNU format. */
export function parseGnuRealSize(block: Uint8Array, at: number, position: number): number {
  const size = parseNumeric(block, at + HEADER_MAP.realSize, 12);
  if (size === undefined) throw tarError(position, "the size of a sparse file is not a number");
  return size;
}

/**
 * The runs as extents of the archive: ascending, apart, within the file, and
 * exactly as long together as the data that is stored. Empty runs go, and runs
 * that touch become one.
 *
 * @throws {VarveError} `E_HEADER` when the map is none
 */
export function sparseExtents(
  runs: readonly SparseRun[],
  size: number,
  dataAt: number,
  dataLength: number,
  position: number,
): Extent[] {
  const extents: { logical: number; length: number; position: number }[] = [];
  let end = 0;
  let used = 0;
  for (const [offset, length] of runs) {
    // Rounded numbers are above every size that the limits let through.
    if (!(offset >= end && length >= 0 && offset + length <= size)) {
      throw tarError(position, "the runs of a sparse map overlap or leave the file");
    }
    const last = extents[extents.length - 1];
    if (length > 0) {
      if (last !== undefined && last.logical + last.length === offset) last.length += length;
      else extents.push({ logical: offset, length, position: dataAt + used });
    }
    end = offset + length;
    used += length;
  }
  if (used !== dataLength) {
    throw tarError(position, `a sparse map of ${used} bytes stands before ${dataLength} of data`);
  }
  return extents;
}

function number(text: string, position: number): number {
  const value = parseDecimal(text);
  if (value === undefined || value < 0) throw tarError(position, "a sparse map holds no numbers");
  return value;
}
