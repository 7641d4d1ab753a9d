import type { ByteString } from "../bytes/mod.ts";
import { ContentTable } from "./content_table.ts";
import {
  type DuplicateFiles,
  type ExploredPath,
  MOST_LISTED,
  type PathChange,
  type Sum,
} from "./contract.ts";
import { Largest } from "./largest.ts";
import { inodeKey } from "./waste.ts";

/** Several files with equal content. */
interface Content {
  readonly size: number;
  readonly paths: ByteString[];
}

/** Sums up what the image shows, and finds equal files in it. */
export class ShownFiles {
  #count = 0;
  #bytes = 0;
  readonly #contents = new ContentTable();
  /** By number of a content, the first path that has it. */
  #first: ByteString[] = [];
  /** Contents that several files have, by number. */
  readonly #several = new Map<number, Content>();
  /** Inodes with several names that were counted. */
  readonly #seen = new Set<string>();

  /** Takes the next path. */
  add({ path, changes }: ExploredPath): void {
    const winner = changes.at(-1);
    if (winner === undefined || winner.kind === "deleted") return;
    this.#count++;
    if (winner.node.type === "file") this.#file(path, winner);
  }

  #file(path: ByteString, { layer, node }: PathChange): void {
    if (node.type !== "file" || node.digest === null) return;
    const { digest, group, size } = node;
    if (group !== null) {
      const key = inodeKey(layer, group);
      if (this.#seen.has(key)) return;
      this.#seen.add(key);
    }
    this.#bytes += size;
    const { count } = this.#contents;
    const content = this.#contents.add(digest);
    const several = this.#several.get(content);
    if (content === count) this.#first.push(path);
    else if (several !== undefined) several.paths.push(path);
    else this.#several.set(content, { size, paths: [this.#first[content] as ByteString, path] });
  }

  /** To call after the last path. */
  finish(): {
    readonly image: Sum;
    readonly duplicates: Sum;
    readonly files: readonly DuplicateFiles[];
  } {
    const largest = new Largest<Content & { readonly number: number; readonly bytes: number }>(
      MOST_LISTED,
    );
    const duplicates = { count: 0, bytes: 0 };
    // In the order of their first paths.
    for (const [number, content] of [...this.#several].sort(([a], [b]) => a - b)) {
      const more = content.paths.length - 1;
      duplicates.count += more;
      duplicates.bytes += more * content.size;
      largest.add({ ...content, number, bytes: more * content.size });
    }
    const files = largest.things.map(({ number, size, paths }) => ({
      digest: this.#contents.digest(number),
      size,
      paths,
    }));
    this.#first = [];
    this.#several.clear();
    return { image: { count: this.#count, bytes: this.#bytes }, duplicates, files };
  }
}
