import type { Entry } from "../../layer/mod.ts";

/** What a {@linkcode TarReader} tells, in the order of the archive. Calls are synchronous. */
export interface TarHandler {
  /** A new entry begins. Its meta headers (PAX, GNU) are already folded in. */
  entry(entry: Entry): void;
  /** Bytes of the current file's content. A view that is valid only during the call. */
  data(chunk: Uint8Array): void;
  /** A hole of a sparse file: that many zero bytes of the current file's content. */
  hole(length: number): void;
  /** The current entry is complete: all of `size` bytes were told by `data` and `hole`. Called for every entry. */
  endEntry(): void;
}
