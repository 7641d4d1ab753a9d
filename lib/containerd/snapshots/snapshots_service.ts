import { create } from "@bufbuild/protobuf";
import { VarveError } from "../../errors.ts";
import type { Mount } from "../../linux/mod.ts";
import type { Snapshotter } from "../../snapshot/mod.ts";
import type { SnapshotsService } from "../contract.ts";
import {
  ListSnapshotsResponseSchema,
  MountsResponseSchema,
  PrepareSnapshotResponseSchema,
  StatSnapshotResponseSchema,
  UpdateSnapshotResponseSchema,
  UsageResponseSchema,
  ViewSnapshotResponseSchema,
} from "../proto/generated/snapshots_pb.ts";
import type { Mount as MountMessage } from "../proto/generated/types_pb.ts";
import type { AdoptRequest } from "./adopt.ts";
import { infoMessage, mountMessages } from "./messages.ts";
import type { MountGuard } from "./mount_guard.ts";
import { isReservedLabel, shownLabels } from "./shown_labels.ts";
import { pagesOf } from "./pages.ts";
import { isUnpackKey } from "./unpack_key.ts";

/** What the service is made of. */
export interface SnapshotsServiceParts {
  /** The snapshotter of containerd's scope. */
  readonly snapshotter: Snapshotter;
  /** Refuses mounts that containerd would not see; all pass when absent. */
  readonly guard?: Pick<MountGuard, "check"> | undefined;
  /** Frees what nothing needs any more, after containerd has removed snapshots. */
  readonly free?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** Makes the snapshot of a chain that the store holds already; says whether there is one now. */
  readonly adopt?: ((request: AdoptRequest) => Promise<boolean>) | undefined;
}

/** The service Snapshots over a snapshotter: it only translates. Errors are the snapshotter's. */
export function createSnapshotsService(
  { snapshotter, guard, free, adopt = () => Promise.resolve(false) }: SnapshotsServiceParts,
): SnapshotsService {
  /** The mounts of a new snapshot, which is removed if containerd would not see them. */
  const checked = async (key: string, mounts: readonly Mount[]): Promise<MountMessage[]> => {
    try {
      await guard?.check(key, mounts);
    } catch (error) {
      await snapshotter.remove(key);
      throw error;
    }
    return mountMessages(mounts);
  };
  return {
    async prepare({ key, parent, labels }, { signal }) {
      const shown = shownLabels(labels);
      if (await adopt({ parent: parentOf(parent), labels: shown })) {
        throw new VarveError(
          "E_EXISTS",
          `Cannot prepare snapshot ${JSON.stringify(key)}: the store holds its chain already`,
          { subject: key },
        );
      }
      const extract = isUnpackKey(key);
      const options = { labels: shown, extract, signal };
      const made = await snapshotter.prepare(key, parentOf(parent), options);
      // Nothing is mounted yet at the lower of an extract snapshot.
      const mounts = extract ? mountMessages(made) : await checked(key, made);
      return create(PrepareSnapshotResponseSchema, { mounts });
    },

    async view({ key, parent, labels }, { signal }) {
      const options = { labels: shownLabels(labels), signal };
      const made = await snapshotter.view(key, parentOf(parent), options);
      return create(ViewSnapshotResponseSchema, { mounts: await checked(key, made) });
    },

    async mounts({ key }, { signal }) {
      const mounts = await snapshotter.mounts(key, { signal });
      await guard?.check(key, mounts);
      return create(MountsResponseSchema, { mounts: mountMessages(mounts) });
    },

    async commit({ name, key, labels, parent }) {
      await snapshotter.commit(name, key, {
        labels: shownLabels(labels),
        // No parent in the message means that containerd has no opinion.
        parent: parentOf(parent) ?? undefined,
      });
    },

    async remove({ key }) {
      await snapshotter.remove(key);
    },

    stat: ({ key }) =>
      Promise.try(() =>
        create(StatSnapshotResponseSchema, { info: infoMessage(snapshotter.stat(key)) })
      ),

    async update({ info, updateMask }) {
      const { name = "", labels = {} } = info ?? {};
      const paths = updateMask?.paths ?? [];
      for (const path of paths) refuseReserved(path);
      const updated = await snapshotter.update(name, shownLabels(labels), paths);
      return create(UpdateSnapshotResponseSchema, { info: infoMessage(updated) });
    },

    async *list({ filters }) {
      for (const rows of pagesOf(snapshotter.walk(filters))) {
        yield create(ListSnapshotsResponseSchema, { info: rows.map(infoMessage) });
      }
    },

    async usage({ key }) {
      const { size, inodes } = await snapshotter.usage(key);
      return create(UsageResponseSchema, { size: BigInt(size), inodes: BigInt(inodes) });
    },

    async cleanup(_request, { signal }) {
      await snapshotter.cleanup();
      await free?.(signal);
    },
  };
}

/** A message says that there is no parent by an empty text. */
function parentOf(parent: string): string | null {
  return parent === "" ? null : parent;
}

/** @throws {VarveError} `E_USAGE` the path is that of a label that varve keeps for itself */
function refuseReserved(path: string): void {
  const label = path.startsWith("labels.") ? path.slice("labels.".length) : "";
  if (!isReservedLabel(label)) return;
  throw new VarveError(
    "E_USAGE",
    `Cannot update the field ${JSON.stringify(path)}: varve keeps such labels for itself`,
    { subject: path },
  );
}
