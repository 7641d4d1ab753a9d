import { cacheNamesIn } from "./cache_names.ts";
import { isOwnerId } from "../ingest_names.ts";
import { indexBytes } from "../layout_index.ts";
import { FileLock } from "../lock.ts";
import { LAYOUT_FILES, ROOT_FILES } from "../names.ts";
import { isAlive } from "../owner.ts";
import { isRootName } from "../root.ts";
import { diskOf } from "../store.ts";
import type { DiskStore } from "../../disk_store.ts";
import { factsIn, type FileFact, type HomeFact, homeFact } from "./files.ts";

/** Maximum time in ms that a check waits for the commits of other processes. */
const TIMEOUT = 2_000;

/** The cache ids in `layers/`, `chains/` or `snapshots/`, and the names there that are none. */
export function homesIn(
  store: DiskStore,
  home: "layers" | "chains" | "snapshots",
): { readonly ids: number[]; readonly others: string[] } {
  const { ids, others } = cacheNamesIn(diskOf(store).paths[home]);
  return { ids: [...new Float64Array(ids).sort()], others: [...others].sort() };
}

/** A directory with a cache id; `undefined` when it does not exist. */
export function homeIn(
  store: DiskStore,
  home: "layers" | "chains" | "snapshots",
  cacheId: number,
): HomeFact | undefined {
  return homeFact(diskOf(store).paths[home], String(cacheId));
}

/** A name in `content/blobs/`: that of an algorithm, if it is a directory. */
export interface BlobFiles {
  readonly algorithm: string;
  readonly type: FileFact["type"];
  /** Empty when it is not a directory. */
  readonly files: readonly FileFact[];
}

/** The names in `content/blobs/`, with the files in them. */
export function blobFiles(store: DiskStore): BlobFiles[] {
  const { blobs } = diskOf(store).paths;
  return factsIn(blobs).map(({ name: algorithm, type }) => ({
    algorithm,
    type,
    files: type === "directory" ? factsIn(`${blobs}/${algorithm}`) : [],
  }));
}

/** The files and directories in the root and in `content/`, by their path in the store. */
export function topFacts(store: DiskStore): { readonly path: string; readonly fact: FileFact }[] {
  const { root, content } = diskOf(store).paths;
  return [
    ...factsIn(root).map((fact) => ({ path: fact.name, fact })),
    ...factsIn(content).map((fact) => ({ path: `${ROOT_FILES.content}/${fact.name}`, fact })),
  ];
}

/** Whether a path in the root or in `content/` belongs to a store. */
export function isTopName(path: string): boolean {
  const [first, second] = path.split("/");
  if (second === undefined) return isRootName(first as string);
  return Object.values<string>(LAYOUT_FILES).includes(second);
}

/** `index.json` as it is, and as the rows say; `null` when the file is missing. */
export function indexTexts(
  store: DiskStore,
): { readonly expected: string; readonly actual: string | null } {
  const disk = diskOf(store);
  return disk.db.read(() => {
    let actual: string | null;
    try {
      actual = Deno.readTextFileSync(disk.paths.index);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      actual = null;
    }
    return { expected: new TextDecoder().decode(indexBytes(disk)), actual };
  });
}

/** Whether the open store with this owner id is still open, so that it may write the row of a directory. */
export async function isOwnerOpen(store: DiskStore, owner: string | undefined): Promise<boolean> {
  return owner !== undefined && isOwnerId(owner) && await isAlive(diskOf(store).paths, owner);
}

/**
 * Runs `fn` while no other process commits. Files that have their final names have their rows then. If other processes
 * keep committing, `fn` runs without that.
 */
export async function betweenCommits<T>(store: DiskStore, fn: () => Promise<T>): Promise<T> {
  const { paths, readOnly } = diskOf(store);
  if (readOnly) return await fn();
  let lock: FileLock | undefined;
  for (const end = performance.now() + TIMEOUT; performance.now() < end;) {
    lock = await FileLock.tryAcquire(paths.lock);
    if (lock !== undefined) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  using _ = lock;
  return await fn();
}

/** Absolute path of a directory with a cache id. */
export function homePath(
  store: DiskStore,
  home: "layers" | "chains" | "snapshots",
  cacheId: number,
): string {
  return `${diskOf(store).paths[home]}/${cacheId}`;
}
