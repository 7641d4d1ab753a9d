import type { ByteString } from "../../bytes/mod.ts";
import { shownPath } from "./path.ts";
import { type LayerLimits, limitError } from "../limits.ts";

/** Counts what one layer uses up, so that no chain of small entries grows without bound. */
export class Budget {
  /** The limits in force. */
  readonly limits: LayerLimits;
  #entries = 0;
  #metadata = 0;
  #steps = 0;

  constructor(limits: LayerLimits) {
    this.limits = limits;
  }

  /** One more entry, or parent without an entry. @throws {VarveError} `E_LIMIT` */
  entry(path: ByteString): void {
    if (++this.#entries > this.limits.entries) {
      throw limitError("entries", this.limits.entries, shownPath(path));
    }
  }

  /** More bytes that the tree keeps. @throws {VarveError} `E_LIMIT` */
  metadata(bytes: number, path: ByteString): void {
    this.#metadata += bytes;
    if (this.#metadata > this.limits.metadata) {
      throw limitError("metadata", this.limits.metadata, shownPath(path));
    }
  }

  /** More parts walked inside of link targets. @throws {VarveError} `E_LIMIT` */
  steps(count: number, path: ByteString): void {
    this.#steps += count;
    if (this.#steps > this.limits.linkSteps) {
      throw limitError("linkSteps", this.limits.linkSteps, shownPath(path));
    }
  }
}
