import type { Entry } from "../../layer/mod.ts";

/**
 * Receives the entries that a {@linkcode TarReader} reads, in the order of the archive. Calls are
 * synchronous.
 */
export interface TarHandler {
  /** Begins an entry. Its meta headers (PAX, GNU) are already applied. */
  entry(entry: Entry): void;
  /**
   * The next bytes of the current file's content. The view is valid only during the call. A handler
   * without this method receives no content.
   */
  data?(chunk: Uint8Array): void;
  /** A hole of a sparse file: the next `length` bytes of the current file's content are zeros. */
  hole(length: number): void;
  /**
   * Ends the current entry: `data` and `hole` have received all of its `size` bytes. Called for
   * every entry.
   */
  endEntry(): void;
  /**
   * Reports that the padding after the last ended entry is not all zeros. Called at most once for
   * each entry. Such padding is legal. But the pages of the archive that hold a file may be mapped
   * into memory in place of the file, and then the bytes after the file's end must be zeros.
   */
  dirtyPadding?(): void;
}
