import { S_IFMT, S_IFREG } from "../../bytes/mod.ts";
import { createHasher, type DiffId, type Digest } from "../../digest/mod.ts";
import type { Row, Tree } from "../../tree/mod.ts";
import { eachDirectory, isDirectory } from "./write/each_directory.ts";

/**
 * Version of the writer. Raise it when a change makes the same tree result in different bytes.
 */
export const EROFS_WRITER_VERSION = 1;

/** Number of words that are hashed at once. */
const WORDS = 1 << 14;

/**
 * Computes the name of the image of a tree: the SHA-256 of the writer's version, the tree digest
 * and the locators of all files. Trees with the same name have images with the same bytes. This
 * reads the whole tree, but no content.
 */
export function erofsImageName(tree: Tree): Digest {
  const hasher = createHasher();
  const head = `varve erofs ${EROFS_WRITER_VERSION}\n${tree.digest}\n`;
  hasher.update(new TextEncoder().encode(head));
  const words = new Words((bytes) => hasher.update(bytes));
  const sources = new Map<DiffId, number>();
  eachDirectory(tree, ({ row, entry }, first, below) => {
    let child = first;
    for (const rows = row.entries(); rows?.valid; rows.next(), child++) {
      if (isDirectory(rows)) below.push({ row: rows.copy(), entry: child, parent: entry });
      else if ((rows.mode & S_IFMT) === S_IFREG) addLocator(rows, sources, words);
    }
    return child - first;
  });
  words.flush();
  hasher.update(new TextEncoder().encode([...sources.keys()].join("\n")));
  return hasher.digest();
}

/** Adds the locator of a file: its layer, the number of extents, and the extents. */
function addLocator(row: Row, sources: Map<DiffId, number>, words: Words): void {
  const { source, position } = row;
  if (source === undefined) return words.add(0);
  let index = sources.get(source);
  if (index === undefined) sources.set(source, index = sources.size + 1);
  words.add(index);
  if (position >= 0) {
    words.add(1);
    words.add(position);
    return words.add(position / 0x1_0000_0000);
  }
  const [first, end] = row.extentWords;
  words.add(end - first);
  for (let i = first; i < end; i++) words.add(row.words[i] as number);
}

/** Collects words and hashes them many at a time. */
class Words {
  readonly #u32 = new Uint32Array(WORDS);
  readonly #hash: (bytes: Uint8Array) => void;
  #count = 0;

  constructor(hash: (bytes: Uint8Array) => void) {
    this.#hash = hash;
  }

  add(word: number): void {
    if (this.#count === WORDS) this.flush();
    this.#u32[this.#count++] = word;
  }

  flush(): void {
    this.#hash(new Uint8Array(this.#u32.buffer, 0, this.#count * 4));
    this.#count = 0;
  }
}
