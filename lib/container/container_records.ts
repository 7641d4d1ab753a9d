/** What the store records of a container: labels of its snapshot, and a lease while it runs. */
import { VarveError } from "../errors.ts";
import {
  ignoreMissing,
  leaseLiveness,
  leaseResources,
  LOCK_LABEL,
  snapshotOfLease,
} from "../snapshot/internal.ts";
import { imageLabels, type Snapshotter } from "../snapshot/mod.ts";
import type { DiskStore, Lease, Store, StoredImage } from "../store/mod.ts";
import { isOptionLabel, optionLabels, type StartOptions } from "./start_options.ts";

/** Labels of a container's snapshot. */
export const CONTAINER_LABELS = {
  /** Name of the image. */
  image: "varve.container.image",
  /** Command line, as JSON. */
  command: "varve.container.command",
  /** When the last run began, ms since the epoch. */
  started: "varve.container.started",
  /** Exit code of the last run; absent while the container runs, and when the exit code is not known. */
  exit: "varve.container.exit",
  /** Set when the snapshot is to be removed at the end of the run. */
  remove: "varve.container.remove",
} as const;

/** Longest command line that is recorded, in characters of its JSON. */
const MAX_COMMAND = 1024;

const LEASE = "run:";

function leaseId(key: string): string {
  return `${LEASE}${key}`;
}

/** The key of the snapshot if the lease belongs to a run, else `undefined`. */
export function keyOfLease({ id }: Lease): string | undefined {
  return id.startsWith(LEASE) ? id.slice(LEASE.length) : undefined;
}

/** Facts of a container that is about to start. */
export interface StartFacts {
  /** The image of the container. */
  readonly image: StoredImage;
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Whether the snapshot is removed at the end of the run. */
  readonly remove: boolean;
  /** The options that are needed to run it again. */
  readonly options: StartOptions;
  /** Time of the start, in ms since the epoch. */
  readonly now: number;
}

/** Facts to record when a container starts. */
export interface StartRecord extends StartFacts {
  /** Key of its snapshot. */
  readonly key: string;
  /** Path of the file that the process keeps locked while it runs the container. */
  readonly lock: string;
}

/** The labels of a container's snapshot while it starts and runs. An empty value removes a label. */
export function startLabels(
  { image, command, remove, options, now }: StartFacts,
): Readonly<Record<string, string>> {
  return {
    // The snapshot may have been made for another image with the same layers. The next start needs the one of this run.
    ...imageLabels(image),
    ...optionLabels(options),
    [CONTAINER_LABELS.image]: image.record.name,
    [CONTAINER_LABELS.command]: shortJson(command),
    [CONTAINER_LABELS.started]: String(now),
    [CONTAINER_LABELS.exit]: "",
    [CONTAINER_LABELS.remove]: remove ? "1" : "",
  };
}

/** Whether a snapshot has a lease of a run, live or dead. */
export function hasRunLease(store: Store, key: string): boolean {
  return store.leases.get(leaseId(key)) !== undefined;
}

/** Records that a container starts. */
export async function recordStart(
  store: Store,
  snapshotter: Snapshotter,
  start: StartRecord,
): Promise<void> {
  const { key, image, lock, now } = start;
  // Options of an earlier run may have taken more labels.
  const old = Object.keys(snapshotter.stat(key).labels).filter(isOptionLabel);
  const values = { ...Object.fromEntries(old.map((name) => [name, ""])), ...startLabels(start) };
  await snapshotter.update(key, values, Object.keys(values).map((name) => `labels.${name}`));
  endLease(store, key);
  store.leases.create({
    id: leaseId(key),
    createdAt: now,
    expiresAt: null,
    labels: { [LOCK_LABEL]: lock },
    resources: leaseResources(key, image),
  });
}

/** Facts to record when a container has ended. */
export interface EndRecord {
  /** Key of its snapshot. */
  readonly key: string;
  /** Exit code; `null` when it is not known. */
  readonly exit: number | null;
  /**
   * What another process found of the run, which may have ended since. Nothing is recorded when a new run has taken the
   * key.
   */
  readonly found?: { readonly lease?: Lease; readonly cacheId?: number | null } | undefined;
}

/**
 * Records that a container has ended, or removes its snapshot if the run was started with `remove`. Idempotent: a
 * missing lease or snapshot is not an error. If another process is at work on the snapshot, all of this is left to that
 * process, or to a later clean-up.
 */
export async function recordEnd(
  store: DiskStore,
  snapshotter: Snapshotter,
  { key, exit, found = {} }: EndRecord,
): Promise<void> {
  const { exit: code, remove } = CONTAINER_LABELS;
  const isOther = () => found.lease !== undefined && !isSame(store, found.lease);
  if (isOther()) return;
  let isLeft = false;
  await ignoreMissing(async () => {
    const { labels, cacheId } = snapshotter.stat(key);
    if (found.cacheId !== undefined && found.cacheId !== cacheId) isLeft = true;
    else if (labels[remove] !== undefined) isLeft = !await removeOrKeep(store, snapshotter, key);
    else if (exit !== null) {
      await snapshotter.update(key, { [code]: String(exit) }, [`labels.${code}`]);
    }
  });
  // The lease ends last: until then others see that somebody may still be at work here.
  if (isLeft || isOther()) return;
  await ignoreMissing(() => endLease(store, key));
  await ignoreMissing(() => snapshotter.release(key));
}

/** Whether a lease is still there. A new run with the same key has another lease. */
function isSame(store: Store, { id, createdAt, labels }: Lease): boolean {
  const lease = store.leases.get(id);
  return lease?.createdAt === createdAt && lease.labels[LOCK_LABEL] === labels[LOCK_LABEL];
}

/**
 * Removes a snapshot. A user may have mounted it after its run died, and then keeps it. Returns false when another
 * process is at work on it.
 */
async function removeOrKeep(
  store: DiskStore,
  snapshotter: Snapshotter,
  key: string,
): Promise<boolean> {
  try {
    await snapshotter.remove(key);
  } catch (error) {
    if (!(error instanceof VarveError && error.code === "E_BUSY")) throw error;
    const isLive = leaseLiveness(Date.now(), store.root);
    const isMounted = store.leases.list().some((lease) =>
      lease.id !== leaseId(key) && snapshotOfLease(lease) === key && isLive(lease)
    );
    if (!isMounted) return false;
    const { remove } = CONTAINER_LABELS;
    await snapshotter.update(key, { [remove]: "" }, [`labels.${remove}`]);
  }
  return true;
}

/** Records that a container did not start. A snapshot that was made for it is removed. */
export async function recordFailure(
  store: Store,
  snapshotter: Snapshotter,
  { key, isNew }: { readonly key: string; readonly isNew: boolean },
): Promise<void> {
  const { remove } = CONTAINER_LABELS;
  await ignoreMissing(async () => {
    if (isNew) await snapshotter.remove(key);
    else await snapshotter.update(key, { [remove]: "" }, [`labels.${remove}`]);
  });
  await ignoreMissing(() => endLease(store, key));
  if (!isNew) await ignoreMissing(() => snapshotter.release(key));
}

function endLease(store: Store, key: string): void {
  if (store.leases.get(leaseId(key)) !== undefined) store.leases.remove(leaseId(key));
}

/** A command line as JSON of bounded length: the last words are left out first. */
function shortJson(words: readonly string[]): string {
  const kept = [...words];
  while (kept.length > 1 && JSON.stringify(kept).length > MAX_COMMAND) kept.pop();
  const text = JSON.stringify(kept);
  return text.length > MAX_COMMAND
    ? JSON.stringify([(kept[0] ?? "").slice(0, MAX_COMMAND / 8)])
    : text;
}
