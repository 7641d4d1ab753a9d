import type { DiffId } from "../../digest/mod.ts";
import { isVarveError } from "../../errors.ts";
import type { Mount } from "../../linux/mod.ts";
import type { Snapshotter } from "../../snapshot/mod.ts";
import { SNAPSHOT_FILES } from "../../store/internal.ts";
import type { DiskStore, SnapshotRow, Snapshots } from "../../store/mod.ts";
import type { MountGuard } from "../snapshots/mount_guard.ts";
import { type GivenMount, ownCacheId, sameMounts } from "./given_mounts.ts";

/** The snapshot that a Diff is made of. */
export interface RightSnapshot {
  /** The active snapshot or the view whose mounts were given. */
  readonly row: SnapshotRow;
  /** Key of the snapshot whose own content is the difference: the active one, or the parent of the view. */
  readonly content: string;
}

/**
 * The snapshots of containerd, found by mounts instead of keys.
 *
 * Mounts name a snapshot only when they are exactly those that varve hands out for it: same type, source and options.
 * Mounts that were made up, or changed by somebody in between, show something else than the snapshot.
 */
export class GivenSnapshots {
  readonly #store: DiskStore;
  readonly #snapshotter: Snapshotter;
  readonly #guard: Pick<MountGuard, "check"> | undefined;
  /** The rows of the snapshotter's scope. */
  readonly rows: Snapshots;

  constructor(store: DiskStore, snapshotter: Snapshotter, guard?: Pick<MountGuard, "check">) {
    this.#store = store;
    this.#guard = guard;
    this.#snapshotter = snapshotter;
    this.rows = store.snapshots.in(snapshotter.scope);
  }

  /** The active snapshot with these mounts. */
  async active(mounts: readonly GivenMount[]): Promise<SnapshotRow | undefined> {
    const { root } = this.#store;
    const cacheId = ownCacheId(mounts, `${root}/snapshots`, SNAPSHOT_FILES.files);
    if (cacheId === undefined) return undefined;
    const row = this.rows.read((table) => table.byCacheId(cacheId));
    if (row?.kind !== "active") return undefined;
    return await this.#hasMounts(row, mounts) ? row : undefined;
  }

  /** The snapshot with the mounts `right`, if `left` are the mounts of a view of its parent. */
  async right(
    left: readonly GivenMount[],
    right: readonly GivenMount[],
  ): Promise<RightSnapshot | undefined> {
    const active = await this.active(right);
    if (active !== undefined) {
      return await this.#isView(active.parent, left)
        ? { row: active, content: active.key }
        : undefined;
    }
    const views = this.rows.read((table) =>
      table.list().filter(({ kind, parent }) => kind === "view" && parent !== null)
    );
    for (const row of views) {
      if (row.parent === null || !await this.#hasMounts(row, right)) continue;
      const content = this.rows.read((table) => table.get(row.parent as string));
      if (content === undefined || !await this.#isView(content.parent, left)) continue;
      return { row, content: content.key };
    }
    return undefined;
  }

  /** Whether the own directory of a snapshot has files. */
  async hasFiles({ cacheId }: SnapshotRow): Promise<boolean> {
    if (cacheId === null) return false;
    const files = `${this.#store.directories.snapshot(cacheId)}/${SNAPSHOT_FILES.files}`;
    for await (const _ of Deno.readDir(files)) return true;
    return false;
  }

  /** Makes the mounts of a snapshot usable, for another applier. */
  async materialize({ key }: SnapshotRow, signal: AbortSignal): Promise<void> {
    const mounts = await this.#snapshotter.mounts(key, { signal });
    await this.#guard?.check(key, mounts);
  }

  /** Says that a snapshot has the content of a layer. */
  async applied({ key }: SnapshotRow, diffId: DiffId): Promise<void> {
    await this.#snapshotter.applied(key, diffId);
  }

  /** Whether mounts are those of a view of a parent; without a parent also no mounts at all. */
  async #isView(parent: string | null, mounts: readonly GivenMount[]): Promise<boolean> {
    if (parent === null && mounts.length === 0) return true;
    const children = this.rows.read((table) => table.children(parent));
    for (const row of children) {
      if (row.kind === "view" && await this.#hasMounts(row, mounts)) return true;
    }
    return false;
  }

  async #hasMounts(row: SnapshotRow, mounts: readonly GivenMount[]): Promise<boolean> {
    return sameMounts(mounts, await this.#offered(row));
  }

  async #offered({ key }: SnapshotRow): Promise<Mount[]> {
    try {
      return await this.#snapshotter.givenMounts(key);
    } catch (error) {
      // It was removed meanwhile.
      if (isVarveError(error, "E_NOT_FOUND") || isVarveError(error, "E_PRECONDITION")) return [];
      throw error;
    }
  }
}
