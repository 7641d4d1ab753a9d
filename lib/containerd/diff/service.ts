/**
 * Service Diff: containerd's differ. *Apply* puts a layer into a snapshot: the blob is read from containerd's content
 * store, proved, and stored as a layer; nothing is extracted. *Diff* makes a layer of what a snapshot changes.
 *
 * The one rule that the rest follows from: containerd asks the next differ only if varve *declines* (`Declined`). So
 * varve declines what it does not know, and answers what it refuses with an error: otherwise the next differ would
 * extract it.
 *
 * - `given_mounts.ts`, `given_snapshots.ts`: which snapshot is meant;
 * - `blob_bytes.ts`, `make_layer.ts`, `makings.ts`: the layer of a blob, made once; `layer_holds.ts` keeps it from gc;
 * - `siblings.ts`: the other layers of the image, begun early;
 * - `apply.ts`, `diff.ts`: the two calls.
 */
import type { LayerRules } from "../../layer_job/mod.ts";
import type { Pool } from "../../pool/mod.ts";
import type { Snapshotter } from "../../snapshot/mod.ts";
import type { DiskStore } from "../../store/mod.ts";
import type { ContainerdLeases, ContentStore, DiffService } from "../contract.ts";
import type { MountGuard } from "../snapshots/mount_guard.ts";
import { Applier } from "./apply.ts";
import { Differ } from "./diff.ts";
import { GivenSnapshots } from "./given_snapshots.ts";
import { LayerHolds } from "./layer_holds.ts";
import { WrittenBlobs } from "./written_blobs.ts";

/** Options of {@linkcode createDiffService}. */
export interface DiffServiceOptions {
  readonly store: DiskStore;
  /** The snapshotter of containerd's scope. */
  readonly snapshotter: Snapshotter;
  /** Runs the layer jobs. */
  readonly pool: Pool;
  /** containerd's content store. */
  readonly content: ContentStore;
  /** containerd's leases. */
  readonly leases: ContainerdLeases;
  /** Refuses mounts that containerd would not see; all pass when absent. */
  readonly guard?: Pick<MountGuard, "check"> | undefined;
  /** Policy and limits for layers, as for a load. */
  readonly rules?: LayerRules | undefined;
}

/** The service, and what it does without being asked. */
export interface RunningDiffService extends DiffService, AsyncDisposable {
  /** Number of layers that are being made now, siblings included. */
  readonly making: number;
}

/** Makes the service. Dispose it to end the layers that are made in advance. */
export function createDiffService(options: DiffServiceOptions): RunningDiffService {
  const { store, snapshotter, pool, content, leases, guard, rules = {} } = options;
  const maker = {
    store,
    pool,
    content,
    rules,
    holds: new LayerHolds(store),
    written: new WrittenBlobs(),
  };
  const snapshots = new GivenSnapshots(store, snapshotter, guard);
  const applier = new Applier(maker, snapshots);
  const differ = new Differ(maker, snapshots, leases);
  return {
    apply: (request, call) => applier.apply(request, call),
    diff: (request, call) => differ.diff(request, call),
    get making() {
      return applier.making;
    },
    [Symbol.asyncDispose]: () => applier[Symbol.asyncDispose](),
  };
}
