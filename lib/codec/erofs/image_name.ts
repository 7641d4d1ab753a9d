import { createHasher, type DiffId, type Digest } from "../../digest/mod.ts";
import { S_IFMT, S_IFREG } from "../../tree/internal.ts";
import type { Row, Tree } from "../../tree/mod.ts";
import { eachDirectory, isDirectory } from "./write/each_directory.ts";

/** Raise it when the same tree gives other bytes than before. */
export const EROFS_WRITER_VERSION = 1;

const WORDS = 1 << 14;

/**
 * The name of the image of a tree: SHA-256 of the writer's version, the tree
 * digest and the locators of all files. Trees of one name give images of the same bytes.
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

/** A file's locator: its layer, how many extents, and where they are. */
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

/** Gathers words for a hash. */
class Words {
  readonly #u32 = new Uint32Array(WORDS);
  readonly #tell: (bytes: Uint8Array) => void;
  #count = 0;

  constructor(tell: (bytes: Uint8Array) => void) {
    this.#tell = tell;
  }

  add(word: number): void {
    if (this.#count === WORDS) this.flush();
    this.#u32[this.#count++] = word;
  }

  flush(): void {
    this.#tell(new Uint8Array(this.#u32.buffer, 0, this.#count * 4));
    this.#count = 0;
  }
}
