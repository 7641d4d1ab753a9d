import { type ByteString, fromText } from "../bytes/mod.ts";
import type { DiffId } from "../digest/mod.ts";
import {
  copyJob,
  copyStages,
  extractTreeInPool,
  type Owner,
  syncJob,
} from "../directory/internal.ts";
import type { ExtractPolicy, ExtractReport } from "../directory/mod.ts";
import { VarveError } from "../errors.ts";
import {
  CWD,
  effectiveUser,
  existsAt,
  type Fd,
  mkdirAt,
  openDetached,
  openDirectoryAt,
  ownFd,
  removeTree,
} from "../linux/mod.ts";
import type { Pool } from "../pool/mod.ts";
import {
  holdLowers,
  lockSnapshotDirectory,
  mountOfSnapshot,
  quoteKey,
  refuseBusy,
  refuseLeased,
} from "../snapshot/internal.ts";
import type { Snapshotter } from "../snapshot/mod.ts";
import { SNAPSHOT_FILES } from "../store/internal.ts";
import type { DiskStore } from "../store/mod.ts";
import { type Tree, walk } from "../tree/mod.ts";
import { copyIntoMounted } from "./merge/copy_into_mounted.ts";
import { findDestination } from "./merge/destination.ts";
import { applyMerge } from "./merge/apply_merge.ts";
import { planMerge } from "./merge/plan_merge.ts";

/** Where files are copied to, and how. */
export interface CopyIntoOptions {
  readonly store: DiskStore;
  /** Makes the mounts of the snapshot. */
  readonly snapshotter: Snapshotter;
  readonly pool: Pool;
  /** Key of a read-write snapshot. */
  readonly key: string;
  /** The destination: a path in the snapshot. */
  readonly path: ByteString;
  readonly signal?: AbortSignal | undefined;
}

/** Files on this machine. */
export interface CopiedPath {
  readonly directory: Fd;
  /** The name of the copy. */
  readonly name: ByteString;
  /** What is copied: the entry `name` of the directory, the directory itself, or only what is in it. */
  readonly what: "entry" | "directory" | "contents";
  /** Their owner in the snapshot, in place of their own. */
  readonly owner?: Owner | undefined;
}

/** A tree with the tars of its contents. */
export interface CopiedTree {
  /** A layer tree. Whiteouts in it are refused. */
  readonly tree: Tree;
  readonly tars: ReadonlyMap<DiffId, string>;
  /** The only entry of the root; absent: what is in the root goes into a directory that must be there. */
  readonly entry?: ByteString | undefined;
  /** Whether the entry is a directory, and only what is in it is copied. */
  readonly isContents?: boolean | undefined;
  readonly devices?: ExtractPolicy["devices"] | undefined;
  /** Called with the number of bytes written so far. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/**
 * Copies files of this machine into a read-write snapshot, which may be mounted or run.
 *
 * What is copied is first written elsewhere in the store, then moved into the snapshot: each name appears complete, and
 * a directory that the snapshot lacks with all that is in it. A directory that is there stays, and gets the new names.
 * If the snapshot is mounted in the mount namespace of this process, the files go through that mount: see
 * `copyIntoMounted`.
 *
 * @returns absolute path of what was copied, without symbolic links
 * @throws {VarveError} `E_NOT_FOUND` no such snapshot, or no such directory in it · `E_PRECONDITION` it is not active,
 * or another file system is mounted at the destination · `E_BUSY` it is mounted in another mount namespace, or its files
 * were moved meanwhile · `E_EXISTS` a file would take the place of a directory, or a directory
 * that of a file · `E_TYPE` a device that is a whiteout of overlayfs · `E_UNSUPPORTED` this user may not mount it
 */
export async function copyPathInto(
  options: CopyIntoOptions,
  { directory: from, name, what, owner }: CopiedPath,
): Promise<ByteString> {
  const { pool, signal } = options;
  const source = { name, isContents: what === "contents", implied: new Set<ByteString>() };
  const rules = { owner, keepsOverlays: false, refusesWhiteouts: true };
  return await copyInto(options, source, async (to) => {
    if (what === "entry") return await pool.run(copyJob, { from, to, name, ...rules }, { signal });
    mkdirAt(to, name, 0o700);
    using inside = ownFd(openDirectoryAt(to, name));
    return await pool.run(copyJob, { from, to: inside.fd, ...rules }, { signal });
  });
}

/** Copies a tree as {@linkcode copyPathInto} does. @throws {VarveError} `E_WHITEOUT_NAME` the tree has a whiteout */
export async function copyTreeInto(
  options: CopyIntoOptions,
  { tree, tars, entry, isContents, devices = "keep", onProgress }: CopiedTree,
): Promise<ExtractReport & { readonly path: ByteString }> {
  const { store, pool, signal } = options;
  const implied = impliedIn(tree);
  const policy = {
    whiteouts: "none",
    owners: effectiveUser() === 0 ? "keep" : "caller",
    devices,
  } as const;
  let report: ExtractReport | undefined;
  const path = await copyInto(options, { name: entry, isContents, implied }, async (target) => {
    report = await extractTreeInPool({
      pool,
      store,
      tree,
      tars,
      target,
      policy,
      signal,
      onProgress,
    });
  });
  return { ...report as ExtractReport, path };
}

/** The directories that have no entry of their own: they do not change one that is there. @throws as {@linkcode copyTreeInto} */
function impliedIn(tree: Tree): ReadonlySet<ByteString> {
  const implied = new Set<ByteString>();
  for (const { path, node } of walk(tree)) {
    if (node.type === "whiteout" || node.type === "directory" && node.opaque) {
      throw new VarveError("E_WHITEOUT_NAME", `Cannot copy ${path}: it is a whiteout`);
    }
    if (node.type === "directory" && node.implied) implied.add(path);
  }
  return implied;
}

interface Source {
  readonly name?: ByteString | undefined;
  readonly isContents?: boolean | undefined;
  readonly implied: ReadonlySet<ByteString>;
}

async function copyInto(
  options: CopyIntoOptions,
  { name, isContents, implied }: Source,
  fill: (directory: Fd) => Promise<unknown>,
): Promise<ByteString> {
  const { store, snapshotter, pool, key, signal } = options;
  const cacheId = cacheIdOf(store, key);
  const isMounted = mountOfSnapshot(store, key) !== undefined;
  if (!isMounted) refuseElsewhere(store, key);
  // Written before the snapshot is locked, because this can take long.
  using staged = ownFd(openDirectoryAt(CWD, fromText(await store.directories.scratch())));
  await fill(staged.fd);
  signal?.throwIfAborted();
  const sync = () => store.durability === "full" ? pool.run(syncJob, staged.fd) : null;
  await sync();
  if (isMounted) {
    using lock = lockSnapshotDirectory(store, key, cacheId);
    if (lock === null || cacheIdOf(store, key) !== cacheId) throw notFound(key);
    const request = { ...options, name, isContents, implied, lock: lock.fd, staged: staged.fd };
    const path = await copyIntoMounted(request);
    if (path !== undefined) return path;
  }
  using _held = await holdLowers(store, signal);
  const mounts = await snapshotter.mounts(key, { signal });
  try {
    using lock = lockSnapshotDirectory(store, key, cacheId);
    if (lock === null || cacheIdOf(store, key) !== cacheId) throw notFound(key);
    refuseElsewhere(store, key);
    refuseBusy(store, key);
    using upper = ownFd(openDirectoryAt(lock.fd, fromText(SNAPSHOT_FILES.files)));
    const isOverlay = existsAt(lock.fd, fromText(SNAPSHOT_FILES.work));
    const plan = (() => {
      // It ends here: overlayfs does not expect changes of its upper directory while it is mounted.
      using merged = openDetached(mounts[0] as NonNullable<typeof mounts[0]>);
      const destination = findDestination(merged.fd, staged.fd, { ...options, name, isContents });
      return planMerge(merged.fd, staged.fd, { key, ...destination, isOverlay });
    })();
    applyMerge(upper.fd, staged.fd, plan, implied);
    // What a copy into the mounted snapshot left when it was killed.
    for (const left of copyStages(upper.fd)) removeTree(upper.fd, left);
    await sync();
    return `/${plan.path}` as ByteString;
  } finally {
    snapshotter.release(key);
  }
}

/** Refuses a snapshot that is in use, but not mounted where this process could see it. @throws {VarveError} `E_BUSY` */
function refuseElsewhere(store: DiskStore, key: string): void {
  try {
    refuseLeased(store, key);
  } catch (error) {
    if (!(error instanceof VarveError && error.code === "E_BUSY")) throw error;
    const where = "this process does not see its mount";
    const hint = `copy in the mount namespace of its process (nsenter -m), or ${
      error.details.hint ?? "end it first"
    }`;
    const { message, details } = error;
    throw new VarveError("E_BUSY", `${message}, and ${where}`, { ...details, hint }, {
      cause: error,
    });
  }
}

function cacheIdOf(store: DiskStore, key: string): number {
  const row = store.snapshots.read((table) => table.get(key));
  if (row === undefined) throw notFound(key);
  if (row.kind === "active" && row.cacheId !== null) return row.cacheId;
  throw new VarveError(
    "E_PRECONDITION",
    `Cannot copy into snapshot ${quoteKey(key)}: it is ${
      row.kind === "view" ? "a view" : "committed"
    }, in which nothing can change`,
    { subject: key },
  );
}

function notFound(key: string): VarveError {
  return new VarveError(
    "E_NOT_FOUND",
    `Cannot copy into snapshot ${quoteKey(key)}: there is no such snapshot`,
    { subject: key },
  );
}
