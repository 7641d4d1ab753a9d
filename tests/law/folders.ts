/** The laws of folders: how many files one holds, and that `tests/unit/` mirrors `lib/`. */
import { listFolder, listSources } from "./sources.ts";

/** Files after which a folder of `lib/` no longer shows its parts. */
export const MAX_FILES = 30;

/** Violations of the laws of folders in a project, one line each. */
export async function judgeFolders(root: string): Promise<string[]> {
  const shipped = await listSources(root);
  const unit = await listFolder(root, "tests/unit");
  return [...judgeSizes(shipped), ...judgeMirror(shipped, unit)].sort();
}

/** Only files that lie in the folder itself count; its sub-folders count theirs. */
function judgeSizes(shipped: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const path of shipped) {
    const folder = folderOf(path);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts]
    .filter(([folder, count]) => /^lib(\/|$)/.test(folder) && count > MAX_FILES)
    .map(([folder, count]) => `${folder}: ${count} files, more than ${MAX_FILES}`);
}

/** A folder `tests/unit/X` needs a folder `lib/X`; a file `tests/unit/x_test.ts` needs `lib/x.ts`. */
function judgeMirror(shipped: readonly string[], unit: readonly string[]): string[] {
  const known = new Set<string>(shipped);
  for (const path of shipped) {
    for (let folder = folderOf(path); folder !== ""; folder = folderOf(folder)) known.add(folder);
  }
  const tested = unit.map((path) => folderOf(path) === "tests/unit" ? path : folderOf(path));
  return [...new Set(tested)].flatMap((path) => {
    const source = path.replace(/^tests\/unit/, "lib").replace(/_test\.ts$/, ".ts");
    return known.has(source) ? [] : [`${path}: mirrors ${source}, which does not exist`];
  });
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}
