import { fromBytes } from "../../bytes/mod.ts";
import type { Extent } from "../../tree/mod.ts";
import { BLOCK } from "./format.ts";
import { parseDecimal, parseNumeric } from "./numeric_fields.ts";
import { tarError } from "./parse_header.ts";
import type { PaxRecords } from "./pax.ts";

/** A run of data in a sparse file, in bytes, as read from the map. It is not checked yet. */
export type SparseRun = readonly [offset: number, length: number];

/** The format of the map of a sparse file; `undefined` for a file that is not sparse. */
export type SparseForm = "gnu" | "pax-0" | "pax-1" | undefined;

const NEWLINE = 0x0a;

/** Offsets of the map in header and extension blocks of the old GNU format. */
const HEADER_MAP = { at: 386, entries: 4, more: 482, realSize: 483 } as const;
const EXTENSION_MAP = { at: 0, entries: 21, more: 504 } as const;

/**
 * Finds the sparse format that the PAX records of a header ask for. A file with an unknown version
 * is an ordinary file, as in Go's archive/tar.
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

/**
 * The size in bytes of a sparse file, including its holes; `undefined` when the PAX records do not
 * have it.
 */
export function sparseSizeOf(records: PaxRecords, position: number): number | undefined {
  const text = records.get("GNU.sparse.size") || records.get("GNU.sparse.realsize") || "";
  if (text === "") return undefined;
  const size = parseDecimal(text);
  if (size === undefined) throw tarError(position, "the size of a sparse file is not a number");
  return size;
}

/** Parses the map of formats 0.0 and 0.1, which is in the PAX header. */
export function parsePaxMap(records: PaxRecords, position: number): SparseRun[] {
  const count = parseDecimal(records.get("GNU.sparse.numblocks") ?? "");
  const text = records.get("GNU.sparse.map") ?? "";
  const numbers = text === "" ? [] : text.split(",");
  if (count === undefined || count < 0 || numbers.length !== 2 * count) {
    throw tarError(position, "the sparse map has another number of entries than stated");
  }
  const runs: SparseRun[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    runs.push([number(numbers[i] ?? "", position), number(numbers[i + 1] ?? "", position)]);
  }
  return runs;
}

/**
 * Parses the map of format 1.0 from the blocks before the data. The map consists of decimal
 * numbers, each followed by a newline: the number of runs, then offset and length of each run. Pass
 * whole blocks until `done` is true; the rest of the last block is padding.
 *
 * Source: GNU tar manual, "PAX Format, Version 1.0".
 */
export class SparseMapParser {
  /** The runs that were read so far. */
  readonly runs: SparseRun[] = [];
  #count: number | undefined;
  #offset: number | undefined;
  #rest = "";

  /** Whether the map is complete. */
  get done(): boolean {
    return this.#count === this.runs.length;
  }

  /** Parses the next block of the map. */
  block(bytes: Uint8Array, at: number, position: number): void {
    // Limits the search for a newline to the block, because the chunk may be large.
    const block = bytes.subarray(at, at + BLOCK);
    let start = 0;
    while (!this.done) {
      const newline = block.indexOf(NEWLINE, start);
      if (newline < 0) {
        this.#rest += fromBytes(block, start);
        // Leading zeros are legal, and some writers pad with them. Keep only one of them.
        if (/^0*$/.test(this.#rest)) this.#rest = this.#rest.slice(0, 1);
        if (this.#rest.length > BLOCK) {
          throw tarError(position, "a sparse map holds a malformed number");
        }
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
 * Parses the part of an old GNU map that is in a header (`first`) or in an extension block. Appends
 * to `runs` and returns whether another extension block follows.
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
      throw tarError(position, "a sparse map holds a malformed number");
    }
    runs.push([offset, length]);
  }
  return block[at + map.more] !== 0;
}

/** The size in bytes, including holes, of a sparse file in the old GNU format. */
export function parseGnuRealSize(block: Uint8Array, at: number, position: number): number {
  const size = parseNumeric(block, at + HEADER_MAP.realSize, 12);
  if (size === undefined) throw tarError(position, "the size of a sparse file is not a number");
  return size;
}

/**
 * Checks the runs and turns them into extents. The runs must ascend, must not overlap, must lie in
 * the file, and together must be as long as the stored data. Empty runs are dropped, and adjacent
 * runs become one extent.
 *
 * @param size size of the file in bytes, including holes
 * @param dataAt offset in the archive of the stored data, which has `dataLength` bytes
 * @throws {VarveError} `E_HEADER` when the map does not fit the file
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
    // Numbers above 2^53 are rounded, but the limits refuse files of such a size.
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
    throw tarError(
      position,
      `the sparse map has ${used} bytes of data, and ${dataLength} are stored`,
    );
  }
  return extents;
}

function number(text: string, position: number): number {
  const value = parseDecimal(text);
  if (value === undefined || value < 0) {
    throw tarError(position, "a sparse map holds a malformed number");
  }
  return value;
}
