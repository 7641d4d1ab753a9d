import { EPOCH } from "../bytes/mod.ts";
import type { DirectoryNode } from "./node.ts";

/** A directory that nothing describes: what it is like comes from below, else it is this. */
export const IMPLIED: DirectoryNode = {
  type: "directory",
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: EPOCH,
  xattrs: [],
  opaque: false,
  implied: true,
};
