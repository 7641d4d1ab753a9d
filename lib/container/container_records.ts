/** What the store keeps of a container: labels of its snapshot, and a lease while it runs. */
import { VarveError } from "../errors.ts";
import type { Snapshotter } from "../snapshot/mod.ts";
import type { Lease, Store, StoredImage } from "../store/mod.ts";

/** Labels of a container's snapshot. */
export const LABELS = {
  /** Name of the image. */
  image: "varve.container.image",
  /** Command line, as JSON. */
  command: "varve.container.command",
  /** When the last run began, ms since the epoch. */
  started: "varve.container.started",
  /** How the last run ended; absent while it runs, and when nobody saw the end. */
  exit: "varve.container.exit",
  /** There when the snapshot goes with the end of the run. */
  remove: "varve.container.remove",
} as const;

/** Longest label that is written for people. */
const MAX_TEXT = 1024;

const LEASE = "run:";

function leaseId(key: string): string {
  return `${LEASE}${key}`;
}

/** The key of the snapshot whose run has a lease; `undefined` for other leases. */
export function keyOfLease({ id }: Lease): string | undefined {
  return id.startsWith(LEASE) ? id.slice(LEASE.length) : undefined;
}

/** What is noted when a container starts. */
export interface Start {
  readonly key: string;
  readonly image: StoredImage;
  readonly command: readonly string[];
  readonly remove: boolean;
  readonly now: number;
}

/** Notes that a container starts. */
export function noteStart(store: Store, snapshotter: Snapshotter, start: Start): void {
  const { key, image, command, remove, now } = start;
  const values = {
    [LABELS.image]: image.record.name,
    [LABELS.command]: shortJson(command),
    [LABELS.started]: String(now),
    [LABELS.exit]: "",
    [LABELS.remove]: remove ? "1" : "",
  };
  snapshotter.update(key, values, Object.keys(values).map((name) => `labels.${name}`));
  endLease(store, key);
  store.leases.create({
    id: leaseId(key),
    createdAt: now,
    expiresAt: null,
    labels: {},
    resources: [
      `snapshot:${key}`,
      `image:${image.record.name}`,
      ...(image.chainId === null ? [] : [`chain:${image.chainId}`]),
    ],
  });
}

/** Notes that a container ended, or removes it when that was wanted. What is gone already is no error. */
export async function noteEnd(
  store: Store,
  snapshotter: Snapshotter,
  key: string,
  exit: number | null,
): Promise<void> {
  await ifThere(() => endLease(store, key));
  await ifThere(async () => {
    if (snapshotter.stat(key).labels[LABELS.remove] !== undefined) await snapshotter.remove(key);
    else if (exit !== null) {
      snapshotter.update(key, { [LABELS.exit]: String(exit) }, [`labels.${LABELS.exit}`]);
    }
  });
}

/** Notes that a container did not begin; a layer that was made for it goes. */
export async function noteFailure(
  store: Store,
  snapshotter: Snapshotter,
  key: string,
  fresh: boolean,
): Promise<void> {
  const { remove } = LABELS;
  await ifThere(async () => {
    if (fresh) await snapshotter.remove(key);
    else snapshotter.update(key, { [remove]: "" }, [`labels.${remove}`]);
  });
  endLease(store, key);
}

function endLease(store: Store, key: string): void {
  if (store.leases.get(leaseId(key)) !== undefined) store.leases.remove(leaseId(key));
}

async function ifThere(act: () => void | Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof VarveError && error.code === "E_NOT_FOUND")) throw error;
  }
}

function shortJson(words: readonly string[]): string {
  const kept = [...words];
  while (kept.length > 1 && JSON.stringify(kept).length > MAX_TEXT) kept.pop();
  const text = JSON.stringify(kept);
  return text.length > MAX_TEXT ? JSON.stringify([(kept[0] ?? "").slice(0, MAX_TEXT / 8)]) : text;
}
