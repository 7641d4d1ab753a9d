import { VarveError } from "../errors.ts";

/** Bounds the total size of documents. A document counts each time it is read. */
export class DocumentBudget {
  readonly #label: string;
  #left: number;

  /** @param label names the archive in errors */
  constructor(label: string, maxBytes: number) {
    this.#label = label;
    this.#left = maxBytes;
  }

  /** Counts the bytes of a document. @throws {VarveError} `E_LIMIT` */
  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left >= 0) return;
    throw new VarveError(
      "E_LIMIT",
      `Cannot read ${this.#label}: its documents are too large together`,
      { subject: this.#label },
    );
  }
}
