/** Compares two trees, or directories of them, and says why an entry differs. */
import type { ByteString } from "../../bytes/mod.ts";
import { equalTimestamps } from "../../bytes/mod.ts";
import { type Change, diffTrees } from "../../layer/mod.ts";
import { equalAttributes } from "../../tree/internal.ts";
import { type Node, type Tree, walk, type Xattr } from "../../tree/mod.ts";

/** A path in a tree. */
export interface Side {
  readonly tree: Tree;
  /** Path without symbolic links and leading slash; empty for the root. */
  readonly path: ByteString;
  /** `undefined` where the tree has no such path. */
  readonly node: Node | undefined;
}

/**
 * Lists what differs between two paths, in the order of a walk. The paths of the changes begin at the root if both sides
 * have the same path, else at the sides.
 *
 * @param deep whether everything below a deleted or replaced directory is listed, too
 */
export function* compareSides(a: Side, b: Side, deep: boolean): Generator<Change> {
  if (a.path === "" && b.path === "") {
    yield* diffTrees(a.tree, b.tree, { deep });
    return;
  }
  const base = a.path === b.path ? a.path : "" as ByteString;
  for (const { path, ...change } of below(a, b, deep)) {
    const full = base === "" || path === "" ? base + path : `${base}/${path}`;
    yield { ...change, path: full as ByteString };
  }
}

/** An entry with its path below a side. */
interface Entry {
  readonly path: ByteString;
  readonly node: Node;
}

function* below(a: Side, b: Side, deep: boolean): Generator<Change> {
  const [left, right] = [entriesOf(a), entriesOf(b)];
  let [before, after] = [left.next().value, right.next().value];
  /** A directory that was deleted or replaced. What was in it is not listed. */
  let gone: string | undefined;
  while (before !== undefined || after !== undefined) {
    const order = orderOf(before, after);
    if (order < 0 && before !== undefined) {
      if (deep || gone === undefined || !before.path.startsWith(gone)) {
        yield { kind: "delete", path: before.path, before: before.node };
        if (before.node.type === "directory") gone = `${before.path}/`;
      }
    } else if (order > 0 && after !== undefined) {
      yield { kind: "add", path: after.path, after: after.node };
    } else if (before !== undefined && after !== undefined) {
      if (!isEqual(before.node, after.node)) {
        yield { kind: "modify", path: before.path, before: before.node, after: after.node };
      }
      if (before.node.type === "directory" && after.node.type !== "directory") {
        gone = before.path === "" ? "" : `${before.path}/`;
      }
    }
    if (order <= 0) before = left.next().value;
    if (order >= 0) after = right.next().value;
  }
}

function* entriesOf({ tree, path, node }: Side): Generator<Entry, undefined> {
  if (node !== undefined) yield { path: "" as ByteString, node };
  if (node?.type !== "directory") return;
  const skipped = path === "" ? 0 : path.length + 1;
  for (const entry of walk(tree, { from: path })) {
    yield { path: entry.path.slice(skipped) as ByteString, node: entry.node };
  }
}

/** The order of a walk: names are compared one by one, and no name has a NUL byte. */
function orderOf(a: Entry | undefined, b: Entry | undefined): number {
  if (a === undefined || b === undefined) return a === undefined ? 1 : -1;
  const [first, second] = [a.path.replaceAll("/", "\0"), b.path.replaceAll("/", "\0")];
  return first === second ? 0 : first < second ? -1 : 1;
}

function isEqual(a: Node, b: Node): boolean {
  return a.type === b.type && a.type !== "whiteout" && b.type !== "whiteout" &&
    equalAttributes(a, b) && isSameContent(a, b);
}

function isSameContent(a: Node, b: Node): boolean {
  if (a.type === "file" && b.type === "file") return isSameFile(a.digest, b.digest);
  if (a.type === "symlink" && b.type === "symlink") return a.target === b.target;
  if ("major" in a && "major" in b) return a.major === b.major && a.minor === b.minor;
  return true;
}

function isSameFile(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : a.every((byte, i) => byte === b[i]);
}

/** What differs between two nodes, in words: `content`, `mode 0644 -> 0600`. */
export function reasonsOf(before: Node, after: Node): string[] {
  if (before.type !== after.type) return [`type ${before.type} -> ${after.type}`];
  if (before.type === "whiteout" || after.type === "whiteout") return [];
  const reasons: string[] = [];
  if (!isSameContent(before, after)) reasons.push(CONTENTS[before.type] ?? "content");
  if (before.mode !== after.mode) {
    reasons.push(`mode ${octal(before.mode)} -> ${octal(after.mode)}`);
  }
  const [old, now] = [`${before.uid}:${before.gid}`, `${after.uid}:${after.gid}`];
  if (old !== now) reasons.push(`owner ${old} -> ${now}`);
  if (!equalTimestamps(before.mtime, after.mtime)) reasons.push("mtime");
  for (const name of changedXattrs(before.xattrs, after.xattrs)) reasons.push(`xattr ${name}`);
  // The rest of what makes the identity of a node is its hard links.
  return reasons.length > 0 ? reasons : ["links"];
}

const CONTENTS: Partial<Record<Node["type"], string>> = {
  symlink: "target",
  char: "device",
  block: "device",
};

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

function changedXattrs(before: readonly Xattr[], after: readonly Xattr[]): ByteString[] {
  const changed = (from: readonly Xattr[], to: readonly Xattr[]) =>
    from.filter(({ name, value }) => !to.some((one) => one.name === name && one.value === value))
      .map(({ name }) => name);
  return [...new Set([...changed(before, after), ...changed(after, before)])].sort();
}
