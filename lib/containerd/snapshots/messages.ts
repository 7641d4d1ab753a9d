/** Values of varve as messages of containerd. */
import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { type ByteString, toText } from "../../bytes/mod.ts";
import type { Mount } from "../../linux/mod.ts";
import type { SnapshotInfo } from "../../snapshot/mod.ts";
import { type Info, InfoSchema, Kind } from "../proto/generated/snapshots_pb.ts";
import { type Mount as MountMessage, MountSchema } from "../proto/generated/types_pb.ts";
import { shownLabels } from "./shown_labels.ts";

const KINDS: Readonly<Record<SnapshotInfo["kind"], Kind>> = {
  active: Kind.ACTIVE,
  committed: Kind.COMMITTED,
  view: Kind.VIEW,
};

/** What containerd is told about a snapshot. */
export function infoMessage(info: SnapshotInfo): Info {
  return create(InfoSchema, {
    name: info.key,
    parent: info.parent ?? "",
    kind: KINDS[info.kind],
    createdAt: timestamp(info.createdAt),
    updatedAt: timestamp(info.updatedAt),
    labels: shownLabels(info.labels),
  });
}

/** Mounts as containerd performs them. */
export function mountMessages(mounts: readonly Mount[]): MountMessage[] {
  return mounts.map(({ type, source, options }) =>
    create(MountSchema, {
      type,
      source: toText(source),
      options: options.map((option) => toText(option as ByteString)),
    })
  );
}

/** A time in microseconds since the epoch. */
function timestamp(microseconds: number): Timestamp {
  const seconds = Math.floor(microseconds / 1e6);
  return create(TimestampSchema, {
    seconds: BigInt(seconds),
    nanos: (microseconds - seconds * 1e6) * 1000,
  });
}
