import type { ByteString } from "../../bytes/mod.ts";
import { type Fd, readDirectory, statAt } from "../../linux/mod.ts";
import { joinPath, openScanned } from "./open_scanned.ts";

/** Most names, and most bytes in files, of a small tree. */
const MOST_NAMES = 256, MOST_BYTES = 1024 * 1024;

/**
 * Whether a directory holds so little that a scan of it takes less time than the start of a worker, which costs about
 * 0.1 s of CPU. It looks at no more than a small tree has. Where it cannot look, it says no: the scan gives the error.
 */
export function isSmallTree(root: Fd): boolean {
  let names = 0, bytes = 0;
  const pending: ByteString[] = ["" as ByteString];
  try {
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      using directory = openScanned(root, path);
      for (const { name, type } of readDirectory(directory.fd)) {
        if (++names > MOST_NAMES) return false;
        if (type === "directory") pending.push(joinPath(path, name));
        if (type === "file") bytes += statAt(directory.fd, name).size;
        if (bytes > MOST_BYTES) return false;
      }
    }
    return true;
  } catch {
    return false;
  }
}
