/** The service Snapshots over a store in a temporary directory, called without a socket. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Call, SnapshotsService } from "../../../../lib/containerd/contract.ts";
import {
  CleanupRequestSchema,
  CommitSnapshotRequestSchema,
  type Info,
  ListSnapshotsRequestSchema,
  MountsRequestSchema,
  PrepareSnapshotRequestSchema,
  RemoveSnapshotRequestSchema,
  StatSnapshotRequestSchema,
  UpdateSnapshotRequestSchema,
  UsageRequestSchema,
  ViewSnapshotRequestSchema,
} from "../../../../lib/containerd/proto/generated/snapshots_pb.ts";
import { createSnapshotsService } from "../../../../lib/containerd/snapshots/snapshots_service.ts";
import { GRPC } from "../../../../lib/containerd/grpc/grpc_code.ts";
import { statusOf } from "../../../../lib/containerd/grpc/status_of.ts";
import type { DriverName } from "../../../../lib/snapshot/mod.ts";
import {
  type SnapshotFixture,
  snapshotFixture,
} from "../../../support/snapshots/snapshot_fixture.ts";

type Fields<Schema extends Parameters<typeof create>[0]> = MessageInitShape<Schema>;

/** Calls of containerd, as values. */
export interface Calls {
  prepare(
    fields: Fields<typeof PrepareSnapshotRequestSchema>,
  ): ReturnType<SnapshotsService["prepare"]>;
  view(fields: Fields<typeof ViewSnapshotRequestSchema>): ReturnType<SnapshotsService["view"]>;
  mounts(key: string): ReturnType<SnapshotsService["mounts"]>;
  commit(fields: Fields<typeof CommitSnapshotRequestSchema>): Promise<void>;
  remove(key: string): Promise<void>;
  stat(key: string): Promise<Info>;
  update(fields: Fields<typeof UpdateSnapshotRequestSchema>): Promise<Info>;
  /** The pieces of a list. */
  list(...filters: string[]): Promise<Info[][]>;
  usage(key: string): ReturnType<SnapshotsService["usage"]>;
  cleanup(): Promise<void>;
}

/** A store with the service over it. */
export interface ServiceFixture extends AsyncDisposable {
  readonly fixture: SnapshotFixture;
  readonly call: Calls;
  /** How often things were freed after removals. */
  freed(): number;
}

const CALL: Call = { signal: new AbortController().signal, namespace: undefined, lease: undefined };

/** Makes an empty store with the service over it. */
export async function serviceFixture(driver: DriverName): Promise<ServiceFixture> {
  const fixture = await snapshotFixture(driver, { scope: "containerd" });
  let freed = 0;
  const service = createSnapshotsService({
    snapshotter: fixture.snapshotter,
    free: () => {
      freed++;
      return Promise.resolve();
    },
  });
  const call: Calls = {
    prepare: (fields) => service.prepare(create(PrepareSnapshotRequestSchema, fields), CALL),
    view: (fields) => service.view(create(ViewSnapshotRequestSchema, fields), CALL),
    mounts: (key) => service.mounts(create(MountsRequestSchema, { key }), CALL),
    commit: (fields) => service.commit(create(CommitSnapshotRequestSchema, fields), CALL),
    remove: (key) => service.remove(create(RemoveSnapshotRequestSchema, { key }), CALL),
    stat: async (key) => {
      const { info } = await service.stat(create(StatSnapshotRequestSchema, { key }), CALL);
      return info as Info;
    },
    update: async (fields) => {
      const request = create(UpdateSnapshotRequestSchema, fields);
      return (await service.update(request, CALL)).info as Info;
    },
    list: async (...filters) => {
      const request = create(ListSnapshotsRequestSchema, { filters });
      return (await Array.fromAsync(service.list(request, CALL))).map(({ info }) => info);
    },
    usage: (key) => service.usage(create(UsageRequestSchema, { key }), CALL),
    cleanup: () => service.cleanup(create(CleanupRequestSchema, {}), CALL),
  };
  return {
    fixture,
    call,
    freed: () => freed,
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}

/** The gRPC code that a call answers. */
export async function grpcCode(act: Promise<unknown>): Promise<number> {
  try {
    await act;
    return GRPC.OK;
  } catch (error) {
    return statusOf(error, CALL.signal).code;
  }
}
