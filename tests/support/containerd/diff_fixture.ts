/** The service Diff over a store, without a socket, and with a content store that a test fills. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Call } from "../../../lib/containerd/contract.ts";
import {
  createDiffService,
  type RunningDiffService,
} from "../../../lib/containerd/diff/service.ts";
import {
  type ApplyRequest,
  ApplyRequestSchema,
  type DiffRequest,
  DiffRequestSchema,
} from "../../../lib/containerd/proto/generated/diff_pb.ts";
import { fromText, toText } from "../../../lib/bytes/mod.ts";
import type { LayerRules } from "../../../lib/layer_job/mod.ts";
import { type Mount, performMount, performUnmount } from "../../../lib/linux/mod.ts";
import { createPool, type Pool } from "../../../lib/pool/mod.ts";
import { createSnapshotter, type DriverName, type Snapshotter } from "../../../lib/snapshot/mod.ts";
import { type DiskStore, openStore } from "../../../lib/store/mod.ts";
import { type TempDir, tempDir } from "../machine/temp_dir.ts";
import { FakeContent } from "./fake_content.ts";

/** A store, its snapshotter for containerd, and the service over both. */
export interface DiffFixture extends AsyncDisposable {
  readonly temp: TempDir;
  readonly store: DiskStore;
  readonly pool: Pool;
  readonly snapshotter: Snapshotter;
  readonly content: FakeContent;
  readonly service: RunningDiffService;
  /** Changes the files of a snapshot. */
  change(mounts: readonly Mount[], fn: (path: string) => Promise<void>): Promise<void>;
}

/** Options of {@linkcode diffFixture}. */
export interface DiffFixtureOptions {
  readonly driver?: DriverName | undefined;
  /** Number of workers; jobs run inline when absent. */
  readonly workers?: number | undefined;
  readonly rules?: LayerRules | undefined;
  /** Bytes of the file system of the store, which is in memory; a directory of the disk when absent. */
  readonly capacity?: number | undefined;
}

/** Makes the service over a new store in a temporary directory. */
export async function diffFixture(options: DiffFixtureOptions = {}): Promise<DiffFixture> {
  const { driver = "erofs", workers, rules, capacity } = options;
  await using stack = new AsyncDisposableStack();
  const temp = stack.use(await tempDir("varve-diff-"));
  if (capacity !== undefined) {
    await Deno.mkdir(temp.join("store"));
    const memory = { type: "tmpfs", source: fromText("tmpfs"), options: [`size=${capacity}`] };
    performMount(memory, fromText(temp.join("store")));
  }
  const store = stack.use(await openStore({ root: temp.join("store"), durability: "none" }));
  const pool = stack.use(createPool(workers === undefined ? { inline: true } : { workers }));
  const snapshotter = createSnapshotter(store, { driver, pool, scope: "containerd" });
  const content = await FakeContent.make(temp.join("content"));
  const service = stack.use(
    createDiffService({ store, snapshotter, pool, content, leases: content, rules }),
  );
  const owned = stack.move();
  let mounted = 0;
  return {
    temp,
    store,
    pool,
    snapshotter,
    content,
    service,
    async change(mounts, fn) {
      const path = temp.join(`mnt-${++mounted}`);
      await Deno.mkdir(path);
      for (const mount of mounts) performMount(mount, fromText(path));
      try {
        await fn(path);
      } finally {
        performUnmount(fromText(path));
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A call that nobody cancels, as ctr makes it: without metadata. */
export function callOf(values: Partial<Call> = {}): Call {
  return {
    signal: new AbortController().signal,
    namespace: undefined,
    lease: undefined,
    ...values,
  };
}

/** Mounts as they cross the socket. */
export function sent(mounts: readonly Mount[]): ApplyRequest["mounts"] {
  const init = mounts.map(({ type, source, target, options }) => ({
    type,
    source: toText(source),
    target: target === undefined ? "" : toText(target),
    options: [...options],
  }));
  return create(ApplyRequestSchema, { mounts: init }).mounts;
}

/** What a request to apply a blob can say beside the blob and the mounts. */
export interface ApplyMore {
  readonly mediaType?: string | undefined;
  /** Keys of payloads. */
  readonly payloads?: readonly string[] | undefined;
  readonly syncFs?: boolean | undefined;
}

/** A request to apply a blob. */
export function applyRequest(
  { digest, size }: { readonly digest: string; readonly size: number },
  mounts: readonly Mount[],
  more: ApplyMore = {},
): ApplyRequest {
  const { mediaType = "application/vnd.oci.image.layer.v1.tar+gzip", payloads = [], syncFs } = more;
  return create(ApplyRequestSchema, {
    diff: { digest, size: BigInt(size), mediaType },
    mounts: sent(mounts),
    payloads: Object.fromEntries(payloads.map((key) => [key, { typeUrl: key }])),
    syncFs: syncFs ?? false,
  });
}

/** A request for the difference of two snapshots. */
export function diffRequest(
  left: readonly Mount[],
  right: readonly Mount[],
  more: MessageInitShape<typeof DiffRequestSchema> = {},
): DiffRequest {
  return create(DiffRequestSchema, { left: sent(left), right: sent(right), ...more });
}
