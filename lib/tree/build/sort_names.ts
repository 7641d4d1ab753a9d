import { wordsOf } from "../packed/format.ts";
import type { RecordLog } from "./record_log.ts";

/** Maximum number of names for which insertion sort is faster than merge sort with keys. */
const SMALL = 24;

let keys = new Float64Array(0);
let keysOut = new Float64Array(0);
let idsOut = new Uint32Array(0);

/**
 * Sorts the records `ids[from, to)` of one directory by name, in place.
 *
 * If there are many names, they are compared by a key: the six bytes after the prefix that all
 * names share, as a number. Names with equal keys are compared as a whole.
 */
export function sortNames(log: RecordLog, ids: Uint32Array, from: number, to: number): void {
  if (to - from <= SMALL) {
    insertion(log, ids, from, to);
    return;
  }
  let sorted = true;
  for (let i = from + 1; i < to && sorted; i++) {
    sorted = log.compare(ids[i - 1] as number, ids[i] as number) < 0;
  }
  if (sorted) return;
  mergeSort(log, ids, from, to);
}

function insertion(log: RecordLog, ids: Uint32Array, from: number, to: number): void {
  for (let i = from + 1; i < to; i++) {
    const id = ids[i] as number;
    let j = i - 1;
    while (j >= from && log.compare(ids[j] as number, id) > 0) {
      ids[j + 1] = ids[j] as number;
      j--;
    }
    ids[j + 1] = id;
  }
}

function mergeSort(log: RecordLog, ids: Uint32Array, from: number, to: number): void {
  const count = to - from;
  if (keys.length < count) {
    keys = new Float64Array(count);
    keysOut = new Float64Array(count);
    idsOut = new Uint32Array(count);
  }
  const prefix = commonPrefix(log, ids, from, to);
  let source: Uint32Array = ids.subarray(from, to);
  let sourceKeys = keys;
  let target: Uint32Array = idsOut;
  let targetKeys = keysOut;
  for (let i = 0; i < count; i++) sourceKeys[i] = keyOf(log, source[i] as number, prefix);
  for (let width = 1; width < count; width *= 2) {
    for (let left = 0; left < count; left += 2 * width) {
      const middle = Math.min(left + width, count);
      const right = Math.min(left + 2 * width, count);
      let a = left;
      let b = middle;
      for (let out = left; out < right; out++) {
        let takeLeft = b >= right;
        if (!takeLeft && a < middle) {
          const x = sourceKeys[a] as number;
          const y = sourceKeys[b] as number;
          takeLeft = x < y ||
            (x === y && log.compare(source[a] as number, source[b] as number) < 0);
        }
        const at = takeLeft ? a++ : b++;
        target[out] = source[at] as number;
        targetKeys[out] = sourceKeys[at] as number;
      }
    }
    [source, target] = [target, source];
    [sourceKeys, targetKeys] = [targetKeys, sourceKeys];
  }
  if (source.buffer !== ids.buffer) ids.set(source.subarray(0, count), from);
  // Free the memory of a huge directory. The memory of smaller directories is reused.
  if (count > 1 << 16) {
    keys = keysOut = new Float64Array(0);
    idsOut = new Uint32Array(0);
  }
}

/** Length in bytes of the prefix that all names share, rounded down to whole words of 4 bytes. */
function commonPrefix(log: RecordLog, ids: Uint32Array, from: number, to: number): number {
  const first = ids[from] as number;
  const u32 = log.heapPage(first).u32;
  const at = log.nameAt(first);
  let shared = wordsOf(log.nameLength(first));
  for (let i = from + 1; i < to && shared > 0; i++) {
    const id = ids[i] as number;
    const other = log.heapPage(id).u32;
    const otherAt = log.nameAt(id);
    const words = Math.min(shared, wordsOf(log.nameLength(id)));
    let same = 0;
    while (same < words && u32[at + same] === other[otherAt + same]) same++;
    shared = same;
  }
  return shared << 2;
}

/**
 * The six bytes of a name after its first `prefix` bytes, as a number. Bytes after the end of the
 * name count as zeros.
 */
function keyOf(log: RecordLog, id: number, prefix: number): number {
  const u8 = log.heapPage(id).u8;
  const at = (log.nameAt(id) << 2) + prefix;
  // The padding of a name is zeros, but other data follows after the padding.
  const left = (wordsOf(log.nameLength(id)) << 2) - prefix;
  const high = left > 0
    ? ((u8[at] as number) << 24 | (u8[at + 1] as number) << 16 |
      (u8[at + 2] as number) << 8 | (u8[at + 3] as number)) >>> 0
    : 0;
  const low = left > 4 ? (u8[at + 4] as number) << 8 | (u8[at + 5] as number) : 0;
  return high * 0x10000 + low;
}
