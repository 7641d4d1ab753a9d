import type { Disk } from "../context.ts";
import { stateOf } from "../context.ts";
import type { Paths } from "../paths.ts";

/**
 * What the database said when it last gave a cache id or took a commit. It is written into
 * `store.lock`, outside of the database, so that a start notices a database that is older: one that
 * was restored from a copy, or has lost its WAL.
 *
 * It is written after the transaction and is not synced. So it may say less than the database, but
 * says more only if the database has lost something.
 */
export interface Witness {
  /** The next cache id. */
  readonly next: number;
  /** Number of the last commit. */
  readonly seq: number;
}

const FORM = /^ *(\d{1,16}) +(\d{1,16})\n/;
const WIDTH = 16;

/** Writes the witness. Does not throw: without it, a start only notices less. */
export function leaveWitness({ paths, db }: Pick<Disk, "db" | "paths">): void {
  try {
    const values = [stateOf(db, "next_cache_id"), stateOf(db, "seq")];
    const text = values.map((value) => String(value).padStart(WIDTH)).join(" ");
    using file = Deno.openSync(paths.lock, { write: true });
    file.writeSync(new TextEncoder().encode(`${text}\n`));
  } catch {
    // Ignored, as the doc comment says.
  }
}

/** Reads the witness; zeros when there is none. */
export function readWitness(paths: Paths): Witness {
  try {
    using file = Deno.openSync(paths.lock, { read: true });
    const bytes = new Uint8Array(2 * WIDTH + 2);
    const length = file.readSync(bytes) ?? 0;
    const match = FORM.exec(new TextDecoder().decode(bytes.subarray(0, length)));
    if (match !== null) return { next: Number(match[1]), seq: Number(match[2]) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return { next: 0, seq: 0 };
}
