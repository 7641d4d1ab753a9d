import { type ByteString, fromBytes } from "../../bytes/mod.ts";
import { L_PARENT, type RecordLog } from "./record_log.ts";

/** Number of directories whose paths are kept. */
const KEPT = 64;

/**
 * The paths of the names in a log. Links to one file are mostly in few directories, which may be
 * thousands of levels deep. So the paths of some directories are kept, and no others.
 */
export class RecordPaths {
  readonly #log: RecordLog;
  /** The paths of directories with a slash at the end, by their records. */
  readonly #above = new Map<number, string>();

  constructor(log: RecordLog) {
    this.#log = log;
  }

  /** The path of a record that is not the root. */
  of(id: number): ByteString {
    return this.#aboveOf(id) + this.#name(id) as ByteString;
  }

  /** Length of the path of a record in bytes. */
  lengthOf(id: number): number {
    return this.#aboveOf(id).length + this.#log.nameLength(id);
  }

  /** Whether the path of `a` is less than that of `b`. */
  isLess(a: number, b: number): boolean {
    const log = this.#log;
    return log.get(a, L_PARENT) === log.get(b, L_PARENT)
      ? log.compare(a, b) < 0
      : this.of(a) < this.of(b);
  }

  #aboveOf(id: number): string {
    const parent = this.#log.get(id, L_PARENT);
    const known = this.#above.get(parent);
    if (known !== undefined) return known;
    const names: string[] = [];
    for (let at = parent; at !== 0; at = this.#log.get(at, L_PARENT)) names.push(this.#name(at));
    const above = names.reverse().map((name) => `${name}/`).join("");
    if (this.#above.size >= KEPT) this.#above.clear();
    this.#above.set(parent, above);
    return above;
  }

  #name(id: number): string {
    const log = this.#log;
    const start = log.nameAt(id) << 2;
    return fromBytes(log.heapPage(id).u8, start, start + log.nameLength(id));
  }
}
