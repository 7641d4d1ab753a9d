import type { ByteString } from "../bytes/mod.ts";
import { equalAttributes } from "../tree/internal.ts";
import { IMPLIED, type Node } from "../tree/mod.ts";
import type { ChangeKind, PathChange } from "./contract.ts";
import type { MergedPath } from "./merged_walk.ts";

/** A node that can be seen: no whiteout. */
type Visible = Exclude<Node, { type: "whiteout" }>;

/** What each layer does to a path, lowest layer first; none where no layer shows it. */
export function pathChanges({ path, entries, cuts }: MergedPath): PathChange[] {
  const changes: PathChange[] = [];
  let visible: Visible | undefined;
  let e = 0;
  let c = 0;
  while (e < entries.length || c < cuts.length) {
    const layer = Math.min(entries[e]?.layer ?? Infinity, cuts[c] ?? Infinity);
    if (cuts[c] === layer) c++;
    // Without an entry of its own, the layer hides the path by an ancestor.
    const own = entries[e]?.layer === layer ? entries[e++]?.node : undefined;
    const before = visible;
    visible = shown(own, before);
    if (visible !== undefined && visible !== before) {
      const kind = before === undefined ? "added" : changeOf(before, visible);
      changes.push({ layer, kind, node: visible, bytes: sizeAt(path, visible) });
    } else if (visible === undefined && before !== undefined) {
      changes.push({ layer, kind: "deleted", node: before, bytes: sizeAt(path, before) });
    }
  }
  return changes;
}

/** What one sees of an entry of a layer. An implied directory takes its attributes from below. */
function shown(own: Node | undefined, below: Visible | undefined): Visible | undefined {
  if (own === undefined || own.type === "whiteout") return undefined;
  if (own.type !== "directory" || !own.implied) return own;
  return below?.type === "directory" ? below : IMPLIED;
}

/** Compares two nodes. Names of the same inode do not matter. */
export function changeOf(before: Visible, after: Visible): ChangeKind {
  if (!equalContent(before, after)) return "content";
  return equalAttributes(before, after) ? "same" : "attributes";
}

function equalContent(a: Visible, b: Visible): boolean {
  switch (a.type) {
    case "file":
      return b.type === "file" && a.size === b.size && equalBytes(a.digest, b.digest);
    case "symlink":
      return b.type === "symlink" && a.target === b.target;
    case "char":
    case "block":
      return a.type === b.type && a.major === b.major && a.minor === b.minor;
    default:
      return a.type === b.type;
  }
}

function equalBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  return a.every((byte, i) => byte === b[i]);
}

/** Size of a file. The names of an inode count once in a layer: at the path that its group is named after. */
export function sizeAt(path: ByteString, node: Node): number {
  return node.type === "file" && (node.group ?? path) === path ? node.size : 0;
}
