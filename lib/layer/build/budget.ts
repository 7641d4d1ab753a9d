import type { ByteString } from "../../bytes/mod.ts";
import { shownPath } from "./path.ts";
import { type LayerLimits, limitError } from "../limits.ts";

/** Counts what one layer uses, so that many small entries cannot exceed the limits together. */
export class Budget {
  /** The limits that are enforced. */
  readonly limits: LayerLimits;
  #entries = 0;
  #metadata = 0;
  #steps = 0;

  constructor(limits: LayerLimits) {
    this.limits = limits;
  }

  /** Counts an entry, or a parent that has no entry of its own. @throws {VarveError} `E_LIMIT` */
  entry(path: ByteString): void {
    if (++this.#entries > this.limits.entries) {
      throw limitError("entries", this.limits.entries, shownPath(path));
    }
  }

  /** Counts bytes of names and attributes that the tree keeps. @throws {VarveError} `E_LIMIT` */
  metadata(bytes: number, path: ByteString): void {
    this.#metadata += bytes;
    if (this.#metadata > this.limits.metadata) {
      throw limitError("metadata", this.limits.metadata, shownPath(path));
    }
  }

  /** Counts parts of link targets that were walked. @throws {VarveError} `E_LIMIT` */
  steps(count: number, path: ByteString): void {
    this.#steps += count;
    if (this.#steps > this.limits.linkSteps) {
      throw limitError("linkSteps", this.limits.linkSteps, shownPath(path));
    }
  }
}
