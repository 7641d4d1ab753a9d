import { foldSteps } from "../../layer/internal.ts";
import { guardedSync } from "../../linux/mod.ts";
import { finishSteps } from "../../tree/internal.ts";
import { decodeTree, openTree, type Tree } from "../../tree/mod.ts";
import type { ScanBase } from "./contract.ts";

/** An open base. Its trees are read as they are walked. */
export class OpenBase implements Disposable {
  /** Root tree of all layers together. */
  readonly tree: Tree;
  readonly #files: Deno.FsFile[] = [];

  /** Opens the stored trees. `checkpoint` is called while they are folded, and may throw. */
  constructor({ trees }: ScanBase, checkpoint: () => void) {
    try {
      const layers = trees.map((tree) =>
        typeof tree === "string" ? this.#open(tree) : decodeTree(tree)
      );
      this.tree = finishSteps(foldSteps(layers), checkpoint);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    for (const file of this.#files.splice(0)) file.close();
  }

  #open(path: string): Tree {
    const file = reading(() => Deno.openSync(path));
    this.#files.push(file);
    return openTree({
      size: reading(() => file.statSync()).size,
      readSync: (offset, length) => reading(() => readAt(file, offset, length)),
    });
  }
}

function reading<T>(read: () => T): T {
  return guardedSync("read the tree of a layer", read);
}

/** At most `length` bytes from `offset`: less where the file ends. */
function readAt(file: Deno.FsFile, offset: number, length: number): Uint8Array {
  const out = new Uint8Array(length);
  file.seekSync(offset, Deno.SeekMode.Start);
  let done = 0;
  while (done < length) {
    const count = file.readSync(out.subarray(done));
    if (count === null) break;
    done += count;
  }
  return out.subarray(0, done);
}
