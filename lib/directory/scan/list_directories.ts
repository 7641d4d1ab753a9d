import type { ByteString } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import { type Fd, getXattrFd } from "../../linux/mod.ts";
import { entriesWithoutStages } from "../copy_stage.ts";
import type { ScanDirectory, ScanPlace } from "./contract.ts";
import { isOpaqueMark, OPAQUE_MARK } from "./overlay_marks.ts";
import { joinPath, openScanned } from "./open_scanned.ts";
import { guarded, shown } from "./scan_failure.ts";

/** Maximum depth of directories in a layer (setting `limits.layer.depth`). */
const MAX_DEPTH = 4096;

/** Lists all directories of a scan, parents before children, siblings sorted by name. */
export function listDirectories(
  { root, form }: ScanPlace,
  checkpoint: () => void = () => {},
): ScanDirectory[] {
  const out: ScanDirectory[] = [];
  const pending: Pending[] = [{ path: "" as ByteString, cut: false, depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { path, cut, depth } = next;
    if (depth > MAX_DEPTH) throw tooDeep(path);
    checkpoint();
    guarded(path, () => {
      using directory = openScanned(root, path);
      const opaque = form === "overlay" && isOpaque(directory.fd);
      let names = 0;
      const below: Pending[] = [];
      for (const { name, type } of entriesWithoutStages(directory.fd, path)) {
        names++;
        if (type !== "directory") continue;
        below.push({ path: joinPath(path, name), cut: cut || opaque, depth: depth + 1 });
      }
      out.push({ path, opaque, cut, names, directories: below.length });
      // Sort in reverse, because the last directory is taken next. The file system's own order must
      // not matter.
      below.sort((a, b) => a.path < b.path ? 1 : -1);
      for (const one of below) pending.push(one);
    });
  }
  return out;
}

interface Pending {
  readonly path: ByteString;
  readonly cut: boolean;
  readonly depth: number;
}

function isOpaque(directory: Fd): boolean {
  return isOpaqueMark(getXattrFd(directory, OPAQUE_MARK));
}

function tooDeep(path: ByteString): VarveError {
  const subject = shown(path.slice(0, 200) as ByteString);
  return new VarveError(
    "E_LIMIT",
    `Cannot read ${subject}: directories are nested more than ${MAX_DEPTH} deep`,
    { expected: MAX_DEPTH, subject },
  );
}

/**
 * Divides directories into at most `count` parts with about the same number of names. Directories that follow
 * each other in the list stay together.
 */
export function divideDirectories(
  directories: readonly ScanDirectory[],
  count: number,
): ScanDirectory[][] {
  // A directory itself costs about as much as one name in it.
  const total = directories.reduce((sum, { names }) => sum + names + 1, 0);
  const parts: ScanDirectory[][] = [];
  let part: ScanDirectory[] = [];
  let taken = 0;
  for (const directory of directories) {
    part.push(directory);
    taken += directory.names + 1;
    if (taken * count < total * (parts.length + 1)) continue;
    parts.push(part);
    part = [];
  }
  if (part.length > 0) parts.push(part);
  return parts;
}
