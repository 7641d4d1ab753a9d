/** Calls as containerd 2.x makes them, which is not in Debian: sent over the socket, with their fields and labels. */
import { fromBinary } from "@bufbuild/protobuf";
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  ListSnapshotsResponseSchema,
  MountsResponseSchema,
  PrepareSnapshotResponseSchema,
} from "../../../lib/containerd/proto/generated/snapshots_pb.ts";
import { ApplyResponseSchema } from "../../../lib/containerd/proto/generated/diff_pb.ts";
import type { Mount } from "../../../lib/containerd/proto/generated/types_pb.ts";
import {
  applyOf,
  CODE,
  commitOf,
  DIFF,
  GZIP,
  HEADERS,
  keyOf,
  labelsOf,
  listed,
  looked,
  mountWire,
  nameOf,
  NAMESPACE,
  only,
  prepared,
  prepareOf,
  recorded,
  SNAPSHOTS,
  stat,
  storeBlobs,
} from "../../support/containerd/recorded_calls.ts";
import { type Wire, wireMap } from "../../support/containerd/wire.ts";
import { buildImage, type BuiltImage } from "../../support/images/images.ts";
import { needs } from "../../support/machine/needs.ts";

const NEEDS = needs({ root: true, mount: true, tools: ["containerd", "ctr"] });

/** Three layers: the second hides a file of the first, the third changes one and adds another. */
function image(): BuiltImage {
  return buildImage({
    name: "example.org/three:1",
    layers: [
      [{ name: "etc/" }, { name: "etc/motd", content: "one\n" }, { name: "etc/old", content: "x" }],
      [{ name: "etc/.wh.old" }, { name: "srv/", mode: 0o750 }],
      [{ name: "etc/motd", content: "three\n" }, { name: "srv/new", content: "new\n" }],
    ],
  });
}

Deno.test({
  name: "2.3 unpacks the layers of an image at the same time, and commits name the parents",
  ...NEEDS,
  fn: async (test) => {
    await using it = await recorded();
    const built = image();
    await storeBlobs(it, built);
    const all = [0, 1, 2] as const;

    await test.step("prepared without parents, applied at the same time", async () => {
      const mounts = await Promise.all(all.map((at) => prepared(it, prepareOf(built, at))));
      for (const [mount] of mounts) {
        // From 2.4 on "ro" would mean that there is nothing to apply.
        assert(mount !== undefined && !mount.options.includes("ro"), Deno.inspect(mount));
      }
      const answers = await Promise.all(
        all.map((at) => it.diff("Apply", applyOf(built, at, mounts[at] as Mount[]))),
      );
      assertEquals(
        answers.map((answer) => fromBinary(ApplyResponseSchema, only(answer)).applied?.digest),
        built.layers.map(({ diffId }) => diffId),
      );
    });

    await test.step("a commit whose parent is missing, active or another is refused", async () => {
      const second = await it.snapshots("Commit", commitOf(built, 1));
      assertEquals(second.code, CODE.NOT_FOUND);
      assertMatch(second.message, /^Cannot use parent ".*": there is no such snapshot$/);
      const third = commitOf(built, 2);
      assertEquals((await it.snapshots("Commit", third)).code, CODE.NOT_FOUND);
      const active = { ...third, 5: keyOf(built, 0) };
      assertEquals((await it.snapshots("Commit", active)).code, CODE.FAILED_PRECONDITION);
      // All of them are as they were.
      for (const at of all) assertEquals((await stat(it, keyOf(built, at))).parent, "");
    });

    await test.step("in order they succeed, once", async () => {
      for (const at of all) only(await it.snapshots("Commit", commitOf(built, at)));
      for (const at of all) {
        const info = await stat(it, nameOf(built, at));
        assertEquals(info.parent, at === 0 ? "" : nameOf(built, at - 1));
        assertEquals(info.labels, labelsOf(built, at));
        assertEquals((await it.snapshots("Stat", { 2: keyOf(built, at) })).code, CODE.NOT_FOUND);
      }
      // Another client was slower. It removes its own.
      const late = { ...prepareOf(built, 2), 2: `${NAMESPACE}/31/extract-1-late ${built.chainId}` };
      const [mount] = await prepared(it, late);
      only(await it.diff("Apply", applyOf(built, 2, [mount as Mount])));
      const commit = { ...commitOf(built, 2), 3: late[2] };
      assertEquals((await it.snapshots("Commit", commit)).code, CODE.ALREADY_EXISTS);
      only(await it.snapshots("Remove", { 1: "varve", 2: late[2] }));
      const filter = `labels."containerd.io/snapshot.ref"==${built.chainId},parent=="${
        nameOf(built, 1)
      }"`;
      assertEquals((await listed(it, filter)).map(({ name }) => name), [nameOf(built, 2)]);
    });

    await test.step("the tree is that of the whole chain", async () => {
      const container = { 1: "varve", 2: `${NAMESPACE}/20/box`, 3: nameOf(built, 2) };
      const mounts = await prepared(it, container);
      const script = "cat etc/motd srv/new; stat -c %a srv; ls etc; echo 1 > srv/own";
      assertEquals(await looked(it, mounts, script), "three\nnew\n750\nmotd\n");
      const again = only(await it.snapshots("Mounts", { 1: "varve", 2: container[2] }));
      assertEquals(
        await looked(it, fromBinary(MountsResponseSchema, again).mounts, "cat srv/own"),
        "1\n",
      );
      // Without a parent in the message containerd has no opinion; another one is a mistake.
      const commit = { 1: "varve", 2: `${NAMESPACE}/21/own`, 3: container[2] };
      const wrong = { ...commit, 5: nameOf(built, 0) };
      assertEquals((await it.snapshots("Commit", wrong)).code, CODE.INVALID_ARGUMENT);
      only(await it.snapshots("Commit", commit));
      assertEquals((await stat(it, commit[2])).parent, nameOf(built, 2));
    });

    await test.step("removed children first", async () => {
      const first = await it.snapshots("Remove", { 1: "varve", 2: nameOf(built, 0) });
      assertEquals(first.code, CODE.FAILED_PRECONDITION);
      assertMatch(first.message, /remove/);
      for (
        const name of [
          `${NAMESPACE}/21/own`,
          ...all.toReversed().map((at) => nameOf(built, at)),
        ]
      ) {
        only(await it.snapshots("Remove", { 1: "varve", 2: name }));
      }
      only(await it.snapshots("Cleanup", { 1: "varve" }));
      assertEquals(await listed(it), []);
    });
  },
});

Deno.test({
  name: "a chain whose first layer is adopted takes the rest by rebase",
  ...NEEDS,
  fn: async () => {
    await using it = await recorded();
    const built = image();
    await storeBlobs(it, built);
    await it.served.varve.text(["load", it.temp.join("image.tar")]);
    assertEquals((await it.snapshots("Prepare", prepareOf(built, 0))).code, CODE.ALREADY_EXISTS);
    const filter = `labels."containerd.io/snapshot.ref"==${built.layers[0]?.chainId},parent==""`;
    const [adopted, ...more] = await listed(it, filter);
    assert(adopted !== undefined && more.length === 0);
    // A layer that varve cannot do is left to nobody: another applier would extract it without its parents.
    const other = await prepared(it, prepareOf(built, 2));
    const apply = applyOf(built, 2, other);
    const encrypted = { ...apply, 1: { ...apply[1] as Wire, 1: `${GZIP}+encrypted` } };
    const left = await it.diff("Apply", encrypted);
    assertEquals(left.code, CODE.FAILED_PRECONDITION);
    assertMatch(
      left.message,
      /does not have its parent yet; let containerd unpack one layer at a time$/,
    );
    only(await it.snapshots("Remove", { 1: "varve", 2: keyOf(built, 2) }));
    // containerd looks for a snapshot without parent. The chain has one, so varve does not answer that it exists.
    const names = [adopted.name];
    for (const at of [1, 2]) {
      const mounts = await prepared(it, prepareOf(built, at));
      const applied = only(await it.diff("Apply", applyOf(built, at, mounts)));
      assertEquals(
        fromBinary(ApplyResponseSchema, applied).applied?.digest,
        built.layers[at]?.diffId,
      );
      only(await it.snapshots("Commit", { ...commitOf(built, at), 5: names.at(-1) }));
      names.push(nameOf(built, at));
    }
    const mounts = await prepared(it, { 2: `${NAMESPACE}/20/box`, 3: names.at(-1) });
    assertEquals(await looked(it, mounts, "cat etc/motd; ls etc"), "three\nmotd\n");
  },
});

Deno.test({
  name: "labels of 4096 bytes and unknown ones come back, and unknown fields disturb no call",
  ...NEEDS,
  fn: async () => {
    await using it = await recorded();
    const built = image();
    await storeBlobs(it, built);
    // Key and value of each are at most 4096 bytes.
    const long = (key: string) => ({ [key]: "ä".repeat(2).padEnd(4096 - key.length - 2, "v") });
    const labels = {
      ...labelsOf(built, 0),
      ...long("containerd.io/snapshot/cri.image-layers"),
      ...long("containerd.io/snapshot/new-in-3.0"),
      "containerd.io/gc.root": "2026-01-01T00:00:00Z",
      __proto__x: "y",
    };
    /** What a later version may send: a text, a number, a message, and something of eight bytes. */
    const unknown = {
      90: "new",
      91: 300,
      92: { 1: { 1: "deep" } },
      2047: new Uint8Array([1, 0, 255]),
    };
    const key = keyOf(built, 0);
    const send = {
      1: "varve",
      2: key,
      4: wireMap({ ...labels, "org.example/empty": "" }),
      ...unknown,
    };
    // A label without a value is none, as for containerd.
    const mounts = await prepared(it, send);
    assertEquals((await stat(it, key)).labels, labels);
    only(await it.snapshots("Mounts", { 1: "varve", 2: key, ...unknown }));
    const apply = applyOf(built, 0, mounts);
    only(
      await it.diff("Apply", {
        ...apply,
        1: { ...apply[1] as Wire, ...unknown },
        2: mounts.map((mount) => ({ ...mountWire(mount), ...unknown })),
        ...unknown,
      }),
    );
    const name = nameOf(built, 0);
    const named = { 1: "varve", 2: name, ...unknown };
    only(await it.snapshots("Commit", { ...named, 3: key, 4: wireMap(labels) }));
    only(await it.snapshots("Stat", named));
    only(await it.snapshots("Usage", named));
    const path = "labels.containerd.io/snapshot/new-in-3.0";
    const changed = {
      ...labels,
      ...long("containerd.io/snapshot/new-in-3.0"),
      [path.slice(7)]: "no",
    };
    only(
      await it.snapshots("Update", {
        1: "varve",
        2: { 1: name, 6: wireMap(changed), ...unknown },
        3: { 1: [path], ...unknown },
        ...unknown,
      }),
    );
    assertEquals((await stat(it, name)).labels, changed);
    const list = await it.snapshots("List", { 1: "varve", ...unknown });
    assertEquals(
      list.messages.flatMap((part) => fromBinary(ListSnapshotsResponseSchema, part).info)[0]
        ?.labels,
      changed,
    );
    const view = { 1: "varve", 2: `${NAMESPACE}/30/view`, 3: name, 4: wireMap(labels), ...unknown };
    const left = fromBinary(PrepareSnapshotResponseSchema, only(await it.snapshots("View", view)));
    const right = await prepared(it, { ...view, 2: `${NAMESPACE}/31/box` });
    const diff = {
      1: left.mounts.map(mountWire),
      2: right.map(mountWire),
      3: GZIP,
      4: "diff-1",
      5: wireMap({ "org.example/kept": "1" }),
      ...unknown,
    };
    only(await it.diff("Diff", diff));
    // Times not after SOURCE_DATE_EPOCH: another differ makes them.
    const reproducible = { ...diff, 6: { 1: 1_000_000_000 } };
    assertEquals((await it.diff("Diff", reproducible)).code, CODE.UNIMPLEMENTED);
    for (const key of [`${NAMESPACE}/30/view`, `${NAMESPACE}/31/box`, name]) {
      only(await it.snapshots("Remove", { 1: "varve", 2: key, ...unknown }));
    }
    only(await it.snapshots("Cleanup", { 1: "varve", ...unknown }));
  },
});

Deno.test({
  name: "unknown methods are unimplemented, and messages have 16 MiB",
  ...NEEDS,
  fn: async () => {
    await using it = await recorded();
    for (
      const method of [
        `${SNAPSHOTS}/Rebase`,
        `${DIFF}/ApplyMany`,
        "containerd.services.mounts.v1.Mounts/Activate",
        "containerd.services.snapshots.v2.Snapshots/Stat",
        "none",
      ]
    ) {
      assertEquals(
        (await it.wire.call(method, { 1: "varve" }, HEADERS)).code,
        CODE.UNIMPLEMENTED,
        method,
      );
    }
    const most = 16 * 1024 * 1024;
    // One byte for the field, four for the length.
    const stat = (size: number) => it.snapshots("Stat", { 2: "k".repeat(size - 5) });
    assertEquals((await stat(most)).code, CODE.NOT_FOUND);
    assertEquals((await stat(most + 1)).code, CODE.RESOURCE_EXHAUSTED);
    assertEquals((await stat(10)).code, CODE.NOT_FOUND);
    // A list is in pieces, each of which a client takes, however long the labels are.
    const long = Array.from({ length: 50 }, (_, i) => [`l${i}`, "v".repeat(4000)]);
    const labels = wireMap(Object.fromEntries(long));
    for (let i = 0; i < 100; i++) {
      only(await it.snapshots("Prepare", { 1: "varve", 2: `${NAMESPACE}/1/${i}`, 4: labels }));
    }
    const list = await it.snapshots("List", { 1: "varve" });
    assertEquals(list.code, CODE.OK);
    const rows = list.messages.map((part) => fromBinary(ListSnapshotsResponseSchema, part).info);
    assertEquals(rows.flat().length, 100);
    assert(list.messages.every(({ length }) => length < most));
    // Garbage is a failure of that call alone.
    const garbage = await it.wire.call(
      `${SNAPSHOTS}/Stat`,
      new Uint8Array([0x12, 0xff, 1]),
      HEADERS,
    );
    assert(garbage.code !== CODE.OK);
    assertEquals((await stat(10)).code, CODE.NOT_FOUND);
  },
});
