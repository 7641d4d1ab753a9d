import { create } from "@bufbuild/protobuf";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Call, DiffService, SnapshotsService } from "../../../../lib/containerd/contract.ts";
import type { EndedCall } from "../../../../lib/containerd/grpc/add_service.ts";
import { createGrpcClient, type GrpcClient } from "../../../../lib/containerd/grpc/grpc_client.ts";
import { createGrpcServer, type GrpcServer } from "../../../../lib/containerd/grpc/grpc_server.ts";
import { Diff } from "../../../../lib/containerd/proto/generated/diff_pb.ts";
import { Leases } from "../../../../lib/containerd/proto/generated/leases_pb.ts";
import {
  ListSnapshotsResponseSchema,
  MountsResponseSchema,
  Snapshots,
  StatSnapshotResponseSchema,
} from "../../../../lib/containerd/proto/generated/snapshots_pb.ts";
import { isVarveError, VarveError } from "../../../../lib/errors.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

interface Pair extends AsyncDisposable {
  readonly client: GrpcClient;
  readonly server: GrpcServer;
  readonly ended: EndedCall[];
  readonly path: string;
}

/** A server of the given methods, and a client of it. */
async function pair(
  snapshots: Partial<SnapshotsService>,
  diff?: Partial<DiffService>,
): Promise<Pair> {
  const dir = await tempDir();
  const path = `${dir.path}/s`;
  const ended: EndedCall[] = [];
  const server = await createGrpcServer(
    { snapshots: snapshots as SnapshotsService, diff: diff as DiffService | undefined },
    (call) => ended.push(call),
  );
  const listener = createServer((connection) => server.accept(connection)).listen(path);
  await once(listener, "listening");
  const client = await createGrpcClient(path);
  return {
    client,
    server,
    ended,
    path,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      listener.close();
      await server.stop(0);
      await dir[Symbol.asyncDispose]();
    },
  };
}

const { stat, mounts, list, remove } = Snapshots.method;

Deno.test("a handler gets the message, the namespace and the lease", async () => {
  const calls: Call[] = [];
  await using it = await pair({
    stat({ key }, call) {
      calls.push(call);
      return Promise.resolve(
        create(StatSnapshotResponseSchema, { info: { name: key, labels: { a: "b" } } }),
      );
    },
  });
  const options = { namespace: "k8s.io", lease: "l1" };
  const { info } = await it.client.unary(stat, { key: "x" }, options);
  assertEquals([info?.name, info?.labels], ["x", { a: "b" }]);
  await it.client.unary(stat, { key: "x" });
  assertEquals(calls.map(({ namespace, lease }) => [namespace, lease]), [
    ["k8s.io", "l1"],
    [undefined, undefined],
  ]);
  assertEquals(it.ended.map(({ method, status }) => [method, status.code]), [
    ["Stat", 0],
    ["Stat", 0],
  ]);
});

Deno.test("a call just after the server came back waits for the connection, or for its signal", async () => {
  await using dir = await tempDir();
  const path = dir.join("s");
  using client = await createGrpcClient(path);
  const nobody = await assertRejects(() => client.unary(remove, { key: "x" }), VarveError);
  assertEquals(nobody.code, "E_BUSY");
  const ending = new AbortController();
  const waiting = client.unary(remove, { key: "x" }, { signal: ending.signal });
  ending.abort(new Error("the end"));
  await assertRejects(() => waiting, Error, "the end");
  const snapshots = { remove: () => Promise.resolve() } as Partial<SnapshotsService>;
  const server = await createGrpcServer({ snapshots: snapshots as SnapshotsService }, () => {});
  const listener = createServer((connection) => server.accept(connection)).listen(path);
  await once(listener, "listening");
  const { $typeName } = await client.unary(remove, { key: "x" });
  assertEquals($typeName, "google.protobuf.Empty");
  client[Symbol.dispose]();
  listener.close();
  await server.stop(0);
});

Deno.test("a method without an answer answers the empty message", async () => {
  await using it = await pair({ remove: () => Promise.resolve() });
  assertEquals((await it.client.unary(remove, { key: "x" })).$typeName, "google.protobuf.Empty");
});

Deno.test("an error is its status, and the server goes on", async () => {
  const thrown: unknown[] = [
    new VarveError("E_NOT_FOUND", "Cannot find x: it is gone"),
    new Error("a defect"),
    undefined,
  ];
  await using it = await pair({
    stat: () => Promise.reject(thrown.shift()),
    mounts() {
      throw new VarveError("E_EXISTS", "thrown before the promise");
    },
  });
  const error = await assertRejects(() => it.client.unary(stat, {}), VarveError, "it is gone");
  assertEquals(error.code, "E_NOT_FOUND");
  await assertRejects(() => it.client.unary(stat, {}), VarveError, "a defect");
  await assertRejects(() => it.client.unary(stat, {}), VarveError, "undefined");
  const { code } = await assertRejects(() => it.client.unary(mounts, {}), VarveError);
  assertEquals(code, "E_EXISTS");
});

Deno.test("a service or a method that is not there is unimplemented", async () => {
  await using it = await pair({});
  for (const method of [Diff.method.apply, Leases.method.create]) {
    const { code } = await assertRejects(() => it.client.unary(method as never, {}), VarveError);
    assertEquals(code, "E_UNSUPPORTED");
  }
});

Deno.test("a message of nearly 16 MiB passes, a larger one is refused as too large", async () => {
  await using it = await pair({
    mounts: ({ key }) =>
      Promise.resolve(create(MountsResponseSchema, { mounts: [{ source: key }] })),
  });
  const key = "x".repeat(16 * 1024 * 1024 - 64);
  const answer = await it.client.unary(mounts, { key });
  assertEquals(answer.mounts[0]?.source.length, key.length);
  const { code } = await assertRejects(
    () => it.client.unary(mounts, { key: `${key}${"x".repeat(64)}` }),
    VarveError,
  );
  assertEquals(code, "E_LIMIT");
});

Deno.test("a client that cancels aborts the handler with a reason", async () => {
  const began = Promise.withResolvers<AbortSignal>();
  await using it = await pair({
    async stat(_, { signal }) {
      began.resolve(signal);
      await new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason))
      );
      throw new Error("not reached");
    },
  });
  const controller = new AbortController();
  const call = it.client.unary(stat, {}, { signal: controller.signal });
  const signal = await began.promise;
  const reason = new Error("no longer wanted");
  controller.abort(reason);
  assert(await call.catch((error) => error) === reason);
  if (!signal.aborted) await once(signal as never, "abort");
  assertEquals(signal.aborted, true);
});

Deno.test("a stream waits for its reader, and ends with the reader", async () => {
  const ENOUGH = 4_000;
  let made = 0;
  let ended: ((aborted: boolean) => void) | undefined;
  const end = new Promise<boolean>((resolve) => ended = resolve);
  await using it = await pair({
    async *list(_, { signal }) {
      try {
        // 64 KiB each: far more than a connection holds.
        while (made < ENOUGH) {
          made++;
          yield create(ListSnapshotsResponseSchema, { info: [{ name: "x".repeat(65_536) }] });
        }
      } finally {
        ended?.(signal.aborted);
      }
    },
  });
  for await (const { info } of it.client.stream(list, {})) {
    assertEquals(info.length, 1);
    break;
  }
  assertEquals(await end, true);
  assert(made < ENOUGH, `${made} messages were made for one that was read`);
});

Deno.test("a stream that fails ends with its status after what it sent", async () => {
  await using it = await pair({
    async *list() {
      yield create(ListSnapshotsResponseSchema, { info: [{ name: "a" }] });
      await Promise.resolve();
      throw new VarveError("E_USAGE", "Cannot list: bad filter");
    },
  });
  const names: string[] = [];
  const error = await assertRejects(async () => {
    for await (const { info } of it.client.stream(list, {})) names.push(...info.map((i) => i.name));
  }, VarveError);
  assertEquals([names, error.code], [["a"], "E_USAGE"]);
});

Deno.test("a server that stops finishes what runs, then aborts it, and takes no new call", async () => {
  const began = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  await using it = await pair({
    async stat({ key }, { signal }) {
      began.resolve();
      if (key === "quick") await release.promise;
      else {
        await new Promise((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason), { once: true })
        );
      }
      return create(StatSnapshotResponseSchema, { info: { name: key } });
    },
  });
  const quick = it.client.unary(stat, { key: "quick" });
  const hung = it.client.unary(stat, { key: "hung" }).catch((error) => error);
  await began.promise;
  const stopped = it.server.stop(200);
  release.resolve();
  assertEquals((await quick).info?.name, "quick");
  const error = await hung;
  assert(isVarveError(error), String(error));
  await stopped;
  const late = connect(it.path).resume();
  await once(late, "close");
});

Deno.test("garbage, half-open and killed connections hurt nobody", async () => {
  await using it = await pair({
    stat: ({ key }) => Promise.resolve(create(StatSnapshotResponseSchema, { info: { name: key } })),
  });
  const garbage = connect(it.path);
  garbage.on("error", () => {});
  garbage.resume();
  garbage.write(new Uint8Array(100_000).fill(0xff));
  await once(garbage, "close");
  const silent = connect(it.path);
  await once(silent, "connect");
  const half = connect(it.path);
  await once(half, "connect");
  half.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  half.destroy();
  assertEquals((await it.client.unary(stat, { key: "x" })).info?.name, "x");
  silent.destroy();
});
