import { equalTimestamps } from "../bytes/mod.ts";
import type { Attributes, Xattr } from "./node.ts";

/** Whether two nodes have the same mode, owner, group, modification time and xattrs. */
export function equalAttributes(a: Attributes, b: Attributes): boolean {
  return a.mode === b.mode && a.uid === b.uid && a.gid === b.gid &&
    equalTimestamps(a.mtime, b.mtime) && equalXattrs(a.xattrs, b.xattrs);
}

/** Both lists are sorted by name, so equal sets are equal lists. */
function equalXattrs(a: readonly Xattr[], b: readonly Xattr[]): boolean {
  return a.length === b.length &&
    a.every(({ name, value }, i) => name === b[i]?.name && value === b[i]?.value);
}
