import { EPOCH } from "../bytes/mod.ts";
import type { DirectoryNode } from "./node.ts";

/**
 * An implied directory: the layer has entries inside the directory, but no entry for the directory
 * itself. It takes its attributes from the layers below. If they have no such directory, it has
 * these attributes.
 */
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
