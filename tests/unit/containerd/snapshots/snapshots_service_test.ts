import { assert, assertEquals } from "@std/assert";
import { type Info, Kind } from "../../../../lib/containerd/proto/generated/snapshots_pb.ts";
import { needs } from "../../../support/machine/needs.ts";
import { grpcCode, serviceFixture } from "./service_fixture.ts";

const each = needs({ root: true, mount: true });

const names = (infos: readonly Info[]) => infos.map(({ name }) => name);

Deno.test({
  name: "the service answers with the codes that containerd expects",
  ...each,
  async fn() {
    await using made = await serviceFixture("overlay");
    const { call } = made;
    await call.prepare({ key: "a" });
    await call.commit({ name: "c", key: "a" });
    await call.prepare({ key: "a", parent: "c" });
    await call.prepare({ key: "b" });
    await call.view({ key: "v", parent: "c" });
    assertEquals(await grpcCode(call.prepare({ key: "n", parent: "gone" })), 5);
    assertEquals(await grpcCode(call.prepare({ key: "n", parent: "a" })), 3);
    assertEquals(await grpcCode(call.view({ key: "n", parent: "v" })), 3);
    assertEquals(await grpcCode(call.prepare({ key: "c" })), 6);
    assertEquals(await grpcCode(call.view({ key: "a" })), 6);
    assertEquals(await grpcCode(call.prepare({ key: "" })), 3);
    assertEquals(await grpcCode(call.mounts("gone")), 5);
    assertEquals(await grpcCode(call.mounts("c")), 9);
    assertEquals(await grpcCode(call.commit({ name: "c", key: "a" })), 6);
    assertEquals(await grpcCode(call.commit({ name: "n", key: "gone" })), 5);
    assertEquals(await grpcCode(call.commit({ name: "n", key: "v" })), 9);
    assertEquals(await grpcCode(call.commit({ name: "n", key: "a", parent: "v" })), 3);
    assertEquals(await grpcCode(call.commit({ name: "n", key: "b", parent: "gone" })), 5);
    assertEquals(await grpcCode(call.commit({ name: "n", key: "b", parent: "v" })), 9);
    assertEquals(await grpcCode(call.remove("gone")), 5);
    assertEquals(await grpcCode(call.remove("c")), 9);
    const refused = await call.remove("c").then(() => "", (error) => error.message);
    assert(refused.includes("remove"), refused);
    assertEquals(await grpcCode(call.stat("gone")), 5);
    assertEquals(await grpcCode(call.usage("gone")), 5);
    assertEquals(await grpcCode(call.update({ info: { name: "gone" } })), 5);
    for (const path of ["kind", "parent", "labels.", "labels.varve.released", "created_at"]) {
      const update = call.update({ info: { name: "a" }, updateMask: { paths: [path] } });
      assertEquals(await grpcCode(update), 3, path);
    }
    assertEquals(await grpcCode(call.list("kind==active,")), 3);
    assertEquals(await grpcCode(call.commit({ name: "n", key: "a", parent: "c" })), 0);
    assertEquals(await grpcCode(call.commit({ name: "m", key: "b", parent: "c" })), 0);
    assertEquals((await call.stat("m")).parent, "c");
  },
});

Deno.test({
  name:
    "an info says kind, parent, labels and times in microseconds; a commit replaces labels and times",
  ...each,
  async fn() {
    await using made = await serviceFixture("native");
    const { call } = made;
    const long = { [`containerd.io/snapshot/${"k".repeat(100)}`]: "v".repeat(4096 - 124) };
    const labels = {
      "containerd.io/gc.root": "2026-01-01T00:00:00Z",
      "containerd.io/snapshot/cri.layer-digest": "sha256:0",
      plain: 'ü, "quoted"=\n',
      ["__proto__"]: "x",
      ...long,
    };
    const before = Temporal.Now.instant().epochNanoseconds / 1000n;
    await call.prepare({
      key: "k8s.io/1/a",
      labels: { ...labels, "varve.released": "1", empty: "" },
    });
    const after = Temporal.Now.instant().epochNanoseconds / 1000n;
    const info = await call.stat("k8s.io/1/a");
    assertEquals([info.name, info.parent, info.kind], ["k8s.io/1/a", "", Kind.ACTIVE]);
    assertEquals(Object.entries(info.labels).sort(), Object.entries(labels).sort());
    const { seconds, nanos } = info.createdAt!;
    const at = seconds * 1_000_000n + BigInt(nanos / 1000);
    assert(before <= at && at <= after, `${before} ${at} ${after}`);
    assertEquals(info.updatedAt, info.createdAt);
    assertEquals(
      await grpcCode(call.prepare({ key: "b", labels: { long: "x".repeat(4093) } })),
      3,
    );
    await call.commit({ name: "k8s.io/2/c", key: "k8s.io/1/a", labels: { only: "this" } });
    const committed = await call.stat("k8s.io/2/c");
    assertEquals([committed.kind, { ...committed.labels }], [Kind.COMMITTED, { only: "this" }]);
    assert(
      committed.createdAt!.seconds * 1_000_000n + BigInt(committed.createdAt!.nanos / 1000) > at,
    );
    await call.view({ key: "v", parent: "k8s.io/2/c" });
    assertEquals((await call.stat("v")).kind, Kind.VIEW);
  },
});

Deno.test({
  name: "an update follows its mask",
  ...each,
  async fn() {
    await using made = await serviceFixture("native");
    const { call } = made;
    await call.prepare({ key: "a", labels: { one: "1", two: "2", "d.o.t": "3" } });
    const made1 = await call.stat("a");
    const update = async (labels: Record<string, string>, ...paths: string[]) => {
      const info = await call.update({ info: { name: "a", labels }, updateMask: { paths } });
      assertEquals(info, await call.stat("a"));
      return { ...info.labels };
    };
    assertEquals(await update({ one: "x", two: "y" }, "labels.one"), {
      one: "x",
      two: "2",
      "d.o.t": "3",
    });
    assertEquals(await update({}, "labels.d.o.t"), { one: "x", two: "2" });
    assertEquals(await update({ new: "n" }, "labels"), { new: "n" });
    assertEquals(await update({ all: "a", "varve.released": "1" }), { all: "a" });
    const last = await call.stat("a");
    assertEquals(last.createdAt, made1.createdAt);
    assert(last.updatedAt!.nanos !== made1.updatedAt!.nanos);
  },
});

Deno.test({
  name:
    "a list comes in pieces of 100, sorted, and filters by every field, with and without an index",
  ...each,
  async fn() {
    await using made = await serviceFixture("native");
    const { call, fixture } = made;
    assertEquals(await call.list(), []);
    const table = fixture.store.snapshots.in("containerd");
    const row = {
      parent: null,
      cacheId: null,
      diffId: null,
      usage: null,
      createdAt: 1,
      updatedAt: 1,
    };
    table.transact((rows) => {
      for (let i = 0; i < 250; i++) {
        const labels = { n: `${i % 10}`, "containerd.io/snapshot.ref": `r${i % 100}` };
        const parent = i === 0 ? null : i < 200 ? "k000" : "k001";
        const key = `k${`${i}`.padStart(3, "0")}`;
        const kind = i < 2 ? "committed" : "view";
        rows.put({ ...row, key, kind, parent, labels });
      }
    });
    fixture.store.snapshots.transact((rows) =>
      rows.put({ ...row, key: "k003", kind: "view", labels: {} })
    );
    const pieces = await call.list();
    assertEquals(pieces.map(({ length }) => length), [100, 100, 50]);
    assertEquals(names(pieces.flat()), names(pieces.flat()).toSorted());
    const listed = async (...filters: string[]) => names((await call.list(...filters)).flat());
    assertEquals(await listed("name==k003"), ["k003"]);
    assertEquals(await listed("name==k003,kind==active"), []);
    assertEquals(await listed('parent==""'), ["k000"]);
    assertEquals((await listed("parent==k001")).length, 50);
    assertEquals(await listed('labels."containerd.io/snapshot.ref"==r7'), ["k007", "k107", "k207"]);
    const both = 'labels."containerd.io/snapshot.ref"==r7,parent==k001';
    assertEquals(await listed(both), ["k207"]);
    assertEquals(await listed("name==k200", both, "name==k003"), ["k003", "k200", "k207"]);
    assertEquals(await listed("kind==committed", "name==k003"), ["k000", "k001", "k003"]);
    assertEquals((await listed("labels.n~=^[12]$")).length, 50);
    assertEquals((await listed("name!=k003")).length, 249);
    assertEquals((await listed("")).length, 250);
  },
});

Deno.test({
  name: "a removal answers before the files are gone, and cleanup waits for them and frees",
  ...each,
  async fn() {
    await using made = await serviceFixture("native");
    const { call, fixture: { store, snapshotter } } = made;
    await call.prepare({ key: "a" });
    const { cacheId } = snapshotter.stat("a");
    const files = `${store.directories.snapshot(cacheId as number)}/fs`;
    for (let i = 0; i < 2000; i++) await Deno.writeTextFile(`${files}/${i}`, "");
    assertEquals((await call.usage("a")).inodes, 2001n);
    const trash = () => [...Deno.readDirSync(`${store.root}/trash`)].length;
    await call.remove("a");
    assertEquals(trash(), 1);
    assertEquals(await grpcCode(call.stat("a")), 5);
    await call.prepare({ key: "a" });
    await call.cleanup();
    assertEquals([trash(), made.freed()], [0, 1]);
  },
});

Deno.test({
  name: "usage of a committed snapshot is measured after the answer, and kept",
  ...each,
  async fn() {
    await using made = await serviceFixture("native");
    const { call, fixture: { snapshotter } } = made;
    const [mount] = (await call.prepare({ key: "a" })).mounts;
    assertEquals(mount?.type, "bind");
    await Deno.writeTextFile(`${mount?.source}/file`, "x".repeat(5000));
    const active = await call.usage("a");
    await call.commit({ name: "c", key: "a" });
    await call.cleanup();
    const stored = snapshotter.stat("c").usage;
    assertEquals([BigInt(stored!.size), BigInt(stored!.inodes)], [active.size, active.inodes]);
    await call.view({ key: "v", parent: "c" });
    const { size, inodes } = await call.usage("v");
    assertEquals([size, inodes], [0n, 0n]);
  },
});

Deno.test({
  name:
    "a prepare with an unpack key makes an extract snapshot, whatever the version of containerd",
  ...each,
  async fn() {
    await using made = await serviceFixture("native");
    const { call, fixture: { snapshotter } } = made;
    await call.prepare({ key: "a" });
    await call.commit({ name: "c", key: "a" });
    const chain = `sha256:${"0".repeat(64)}`;
    for (
      const [key, isExtract] of [
        [`k8s.io/7/extract-123456789-AbC_ ${chain}`, true],
        [`extract-1-x ${chain}`, true],
        [`default/3/extract-me`, false],
        [`default/3/my-extract-1-x ${chain}`, false],
      ] as const
    ) {
      await call.prepare({ key, parent: "c" });
      assertEquals(snapshotter.stat(key).labels["varve.extract"] !== undefined, isExtract, key);
      // containerd sees no label of varve's own, in no filter either.
      const mine = (filter: string) => call.list(`name==${JSON.stringify(key)},${filter}`);
      assertEquals(await mine('labels."varve.extract"'), [], key);
      assertEquals(await mine("labels.varve.extract==hidden"), [], key);
      assertEquals(await mine('labels."varve.released"==1'), [], key);
      assertEquals(names((await mine("labels.varve.extract!=hidden")).flat()), [key]);
      assertEquals({ ...(await call.stat(key)).labels }, {});
    }
  },
});
