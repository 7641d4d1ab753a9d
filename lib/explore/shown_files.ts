import { type ByteString, fromBytes } from "../bytes/mod.ts";
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
  /** By digest, as a string of its bytes. Of a content that only one file has, just the path: most are such. */
  readonly #contents = new Map<string, ByteString | Content>();
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
    const key = fromBytes(digest);
    const known = this.#contents.get(key);
    if (known === undefined) this.#contents.set(key, path);
    else if (typeof known === "string") this.#contents.set(key, { size, paths: [known, path] });
    else known.paths.push(path);
  }

  /** To call after the last path. */
  finish(): {
    readonly image: Sum;
    readonly duplicates: Sum;
    readonly files: readonly DuplicateFiles[];
  } {
    const largest = new Largest<Content & { readonly key: string; readonly bytes: number }>(
      MOST_LISTED,
    );
    const duplicates = { count: 0, bytes: 0 };
    for (const [key, content] of this.#contents) {
      if (typeof content === "string") continue;
      const more = content.paths.length - 1;
      duplicates.count += more;
      duplicates.bytes += more * content.size;
      largest.add({ ...content, key, bytes: more * content.size });
    }
    this.#contents.clear();
    const files = largest.things.map(({ key, size, paths }) => ({
      digest: Uint8Array.from(key, (byte) => byte.charCodeAt(0)),
      size,
      paths,
    }));
    return { image: { count: this.#count, bytes: this.#bytes }, duplicates, files };
  }
}
