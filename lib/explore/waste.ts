import type { ByteString } from "../bytes/mod.ts";
import { mapKey } from "../tree/internal.ts";
import {
  type ExploredPath,
  MOST_LISTED,
  type PathChange,
  type Sum,
  WASTE_CAUSES,
  type WasteCause,
  type WastedFile,
} from "./contract.ts";
import { Largest } from "./largest.ts";

/** What happened to an inode with several names in its layer. */
interface Inode {
  readonly layer: number;
  size: number;
  /** Whether the image shows one of its names. */
  isShown: boolean;
  /** The last of its names that was hidden. */
  hidden: { path: ByteString; by: number; cause: WasteCause } | undefined;
}

/** Finds the files of layers that the image does not show. */
export class Waste {
  readonly #sums = Object.fromEntries(
    WASTE_CAUSES.map((cause) => [cause, { count: 0, bytes: 0 }]),
  ) as Record<WasteCause, { count: number; bytes: number }>;
  readonly #files = new Largest<WastedFile>(MOST_LISTED);
  /** Inodes with several names, by layer and group. */
  readonly #inodes = new Map<string, Inode>();

  /** Takes the next path. */
  add({ path, changes }: ExploredPath): void {
    for (const [i, change] of changes.entries()) {
      const { kind, layer, node } = change;
      if (kind === "deleted" || node.type !== "file") continue;
      const next = changes[i + 1];
      if (node.group !== null) this.#name(path, change, next);
      else if (next !== undefined) {
        this.#waste({ path, layer, by: next.layer, cause: causeOf(next), bytes: node.size });
      }
    }
  }

  /** To call after the last path. */
  finish(): {
    readonly waste: Readonly<Record<WasteCause, Sum>>;
    readonly files: readonly WastedFile[];
  } {
    for (const { layer, size, isShown, hidden } of this.#inodes.values()) {
      if (!isShown && hidden !== undefined) this.#waste({ ...hidden, layer, bytes: size });
    }
    this.#inodes.clear();
    return { waste: this.#sums, files: this.#files.things };
  }

  #name(path: ByteString, { layer, node }: PathChange, next: PathChange | undefined): void {
    if (node.type !== "file") return;
    const key = inodeKey(layer, node.group ?? path);
    const inode = this.#inodes.get(key) ??
      { layer, size: node.size, isShown: false, hidden: undefined };
    this.#inodes.set(key, inode);
    if (next === undefined) inode.isShown = true;
    else if (next.layer > (inode.hidden?.by ?? -1)) {
      inode.hidden = { path, by: next.layer, cause: causeOf(next) };
    }
  }

  #waste(file: WastedFile): void {
    const sum = this.#sums[file.cause];
    sum.count++;
    sum.bytes += file.bytes;
    if (file.bytes > 0) this.#files.add(file);
  }
}

/** Names an inode that has several names in its layer. */
export function inodeKey(layer: number, group: ByteString): string {
  return `${layer}:${mapKey(group)}`;
}

function causeOf({ kind }: PathChange): WasteCause {
  return kind === "deleted" ? "deleted" : kind === "content" ? "overwritten" : "copied";
}
