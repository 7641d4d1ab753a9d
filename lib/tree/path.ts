import type { ByteString } from "../bytes/mod.ts";

/** The names of a path. Empty names and `.` are left out. */
export function splitPath(path: ByteString): ByteString[] {
  return path.split("/").filter((name) => name !== "" && name !== ".") as ByteString[];
}

/** The path before the last slash; empty when there is no slash. */
export function parentPath(path: ByteString): ByteString {
  return path.slice(0, Math.max(0, path.lastIndexOf("/"))) as ByteString;
}
