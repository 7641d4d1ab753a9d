import type { Entry } from "../../layer/mod.ts";

/** What a {@linkcode TarReader} tells, in the order of the archive. Calls are synchronous. */
export interface TarHandler {
  /** A new entry begins. Its meta headers (PAX, GNU) are already folded in. */
  entry(entry: Entry): void;
  /**
   * Bytes of the current file's content. A view that is valid only during the call.
   * Left out, only headers are read: contents are passed over.
   */
  data?(chunk: Uint8Array): void;
  /** A hole of a sparse file: that many zero bytes of the current file's content. */
  hole(length: number): void;
  /** The current entry is complete: all of `size` bytes were told by `data` and `hole`. Called for every entry. */
  endEntry(): void;
  /**
   * The padding behind the entry that ended last is not zero, at most once an
   * entry. Legal, but whoever maps the archive's pages as the file's must know:
   * bytes behind the end of a file have to read as zeros.
   */
  dirtyPadding?(): void;
}
