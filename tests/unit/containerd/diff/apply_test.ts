import { assert, assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import { Declined } from "../../../../lib/containerd/grpc/status_of.ts";
import { type DiffId, sha256 } from "../../../../lib/digest/mod.ts";
import { syncInPool } from "../../../../lib/directory/internal.ts";
import { VarveError } from "../../../../lib/errors.ts";
import type { Mount } from "../../../../lib/linux/mod.ts";
import { codeOf } from "../../../support/code_of.ts";
import {
  applyRequest,
  callOf,
  type DiffFixture,
  diffFixture,
} from "../../../support/containerd/diff_fixture.ts";
import { needs } from "../../../support/machine/needs.ts";
import { waitUntil } from "../../../support/machine/wait.ts";
import { type TarFixture, tarOf } from "../../../support/tar/tar_fixture.ts";

const TAR = "application/vnd.oci.image.layer.v1.tar";
/** The payload of Kubernetes: where the keys of encrypted layers are. */
const KEYS = "io.containerd.ocicrypt.decoder.v1.tar.gzip";
const ROOT = needs({ root: true, mount: true });

function gzipOf(fixtures: readonly TarFixture[]): Uint8Array {
  return new Uint8Array(gzipSync(tarOf(fixtures)));
}

const MOTD = gzipOf([{ name: "etc/" }, { name: "etc/motd", content: "hello" }]);
const MOTD_ID = asDiffId(tarOf([{ name: "etc/" }, { name: "etc/motd", content: "hello" }]));

function asDiffId(tar: Uint8Array): DiffId {
  return sha256(tar) as DiffId;
}

/** Bytes that no file system stores as a hole. The length is a multiple of 64 KiB. */
function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

/** Tells an error from a call that was left to the next differ. */
async function outcome(act: () => Promise<unknown>): Promise<string> {
  try {
    return await codeOf(act);
  } catch (error) {
    if (error instanceof Declined) return "declined";
    throw error;
  }
}

Deno.test({
  name: "a layer is applied to a snapshot by its mounts, and the commit is that layer",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { snapshotter, content, service, store } = made;
    const blob = await content.add(MOTD);
    const mounts = await snapshotter.prepare("default/1/extract-1 x", null);
    const subjects: string[] = [];
    const about = (key: string) => void subjects.push(key);
    const { applied } = await service.apply(applyRequest(blob, mounts), callOf({ about }));
    assertEquals(subjects, ["default/1/extract-1 x"]);
    assertEquals(applied?.digest, MOTD_ID);
    assertEquals(Number(applied?.size), store.layers.get(MOTD_ID)?.size);
    assertEquals(applied?.mediaType, TAR);
    // The row keeps the layer now: no lease is left.
    assertEquals(store.leases.list(), []);
    await snapshotter.commit("default/2/x", "default/1/extract-1 x");
    const row = snapshotter.stat("default/2/x");
    assertEquals([row.kind, row.diffId], ["committed", MOTD_ID]);
    await made.change(await snapshotter.view("default/3/look", "default/2/x"), async (path) => {
      assertEquals(await Deno.readTextFile(`${path}/etc/motd`), "hello");
    });
    // Known now: neither read nor made again.
    await Deno.remove(content.file(blob.digest));
    const again = await snapshotter.prepare("default/4/extract-2 x", null);
    assertEquals(
      (await service.apply(applyRequest(blob, again), callOf())).applied?.digest,
      MOTD_ID,
    );
  },
});

Deno.test({
  name: "mounts that are not exactly those of an active snapshot are left to others",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture({ driver: "overlay" });
    const { snapshotter, content, service, temp } = made;
    const blob = await content.add(MOTD);
    const [mount] = await snapshotter.prepare("default/1/a", null) as [Mount];
    const [view] = await snapshotter.view("default/2/v", null) as [Mount];
    const { options } = mount;
    const upper = options.findIndex((option) => option.startsWith("upperdir="));
    const swap = (at: number, option: string) => options.with(at, option);
    const rows: Record<string, readonly Mount[]> = {
      none: [],
      two: [mount, mount],
      "a view": [view],
      "another type": [{ ...mount, type: "bind" }],
      "another source": [{ ...mount, source: "x" as Mount["source"] }],
      "a target": [{ ...mount, target: "etc" as Mount["source"] }],
      "one option more": [{ ...mount, options: [...options, "ro"] }],
      "one option less": [{ ...mount, options: options.slice(0, -1) }],
      "another upper": [{ ...mount, options: swap(upper, `upperdir=${temp.path}`) }],
      "no such snapshot": [{
        ...mount,
        options: swap(upper, `upperdir=${temp.join("store")}/snapshots/99/fs`),
      }],
      "a path with dots": [{
        ...mount,
        options: swap(upper, options[upper]!.replace(/\/(\d+)\/fs$/, "/../snapshots/$1/fs")),
      }],
    };
    for (const [what, mounts] of Object.entries(rows)) {
      const act = () => service.apply(applyRequest(blob, mounts), callOf());
      assertEquals(await outcome(act), "declined", what);
    }
    assertEquals(content.calls.info, 0);
    assertEquals(await outcome(() => service.apply(applyRequest(blob, [mount]), callOf())), "ok");
  },
});

Deno.test({
  name: "only what varve does not know is left to others; what it refuses is an error",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture({ rules: { limits: { entries: 3 } } });
    const { snapshotter, content, service } = made;
    const mounts = await snapshotter.prepare("default/1/a", null);
    const good = await content.add(MOTD);
    const apply = (bytes: Uint8Array, more: Parameters<typeof applyRequest>[2] = {}) => async () =>
      await service.apply(applyRequest(await content.add(bytes), mounts, more), callOf());
    const rows: readonly (readonly [string, () => Promise<unknown>])[] = [
      ["declined", apply(MOTD, { mediaType: `${TAR}+gzip+encrypted` })],
      ["declined", apply(MOTD, { mediaType: "application/vnd.erofs.layer.v1" })],
      ["declined", apply(MOTD, { mediaType: "" })],
      ["declined", apply(MOTD, { mediaType: `${TAR}+gzip+encrypted`, payloads: [KEYS] })],
      ["E_PATH_ESCAPE", apply(gzipOf([{ name: "../up" }]))],
      ["E_WHITEOUT", apply(gzipOf([{ name: "a/.wh..." }]))],
      ["E_LIMIT", apply(gzipOf(["a", "b", "c", "d"].map((name) => ({ name }))))],
      ["E_TRUNCATED", apply(new Uint8Array(gzipSync(tarOf([{ name: "a" }]).subarray(0, 300))))],
      ["E_COMPRESSION", apply(MOTD, { mediaType: TAR })],
      ["E_COMPRESSION", apply(Uint8Array.from([0xfd, ...new TextEncoder().encode("7zXZ"), 0, 0]))],
      ["E_NOT_FOUND", () =>
        service.apply(
          applyRequest({ digest: `sha256:${"0".repeat(64)}`, size: 1 }, mounts),
          callOf(),
        )],
      [
        "E_SIZE",
        () => service.apply(applyRequest({ ...good, size: good.size + 1 }, mounts), callOf()),
      ],
      [
        "E_USAGE",
        () => service.apply(applyRequest({ digest: "md5:1", size: 1 }, mounts), callOf()),
      ],
    ];
    for (const [i, [expected, act]] of rows.entries()) {
      assertEquals(await outcome(act), expected, `row ${i}`);
    }
    assertEquals(snapshotter.stat("default/1/a").diffId, null);
    assertEquals(await outcome(apply(MOTD)), "ok");
    // The digest of a compressed blob is never taken for a diffID, however often it is asked for.
    assertEquals(await outcome(apply(MOTD, { mediaType: TAR })), "E_COMPRESSION");
  },
});

Deno.test({
  name: "payloads for processors of other media types change nothing: Kubernetes sends them always",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { snapshotter, content, service } = made;
    const mounts = await snapshotter.prepare("default/1/a", null);
    const request = applyRequest(await content.add(MOTD), mounts, { payloads: [KEYS] });
    assertEquals(await outcome(() => service.apply(request, callOf())), "ok");
    assert(snapshotter.stat("default/1/a").diffId !== null);
  },
});

Deno.test({
  name: "a snapshot with files is left to another applier",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { snapshotter, content, service } = made;
    const blob = await content.add(MOTD);
    const mounts = await snapshotter.prepare("default/1/a", null);
    await made.change(mounts, (path) => Deno.writeTextFile(`${path}/mine`, "mine"));
    const act = () => service.apply(applyRequest(blob, mounts), callOf());
    assertEquals(await outcome(act), "declined");
  },
});

Deno.test({
  name: "a namespace sees only its own blobs, also of layers that the store holds",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { snapshotter, content, service } = made;
    const blob = await content.add(MOTD, {}, "one");
    const one = await snapshotter.prepare("one/1/a", null);
    const two = await snapshotter.prepare("two/1/a", null);
    await service.apply(applyRequest(blob, one), callOf({ namespace: "two" }));
    const other = () => service.apply(applyRequest(blob, two), callOf({ namespace: "one" }));
    assertEquals(await outcome(other), "E_NOT_FOUND");
    await content.add(MOTD, {}, "two");
    assertEquals(await outcome(other), "ok");
  },
});

/** A blob whose reading waits until it is told to go on. */
async function held(made: DiffFixture) {
  made.content.hasRoot = false;
  const gate = Promise.withResolvers<void>();
  const reading = Promise.withResolvers<void>();
  made.content.onRead = () => {
    reading.resolve();
    return gate.promise;
  };
  const blob = await made.content.add(MOTD);
  return { blob, gate, reading: reading.promise };
}

Deno.test({
  name: "two snapshots that ask for one blob at the same time get it from one making",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { snapshotter, service, content } = made;
    const { blob, gate, reading } = await held(made);
    const both = [];
    for (const key of ["default/1/a", "default/2/b"]) {
      const mounts = await snapshotter.prepare(key, null);
      both.push(service.apply(applyRequest(blob, mounts), callOf()));
    }
    await reading;
    gate.resolve();
    for (const { applied } of await Promise.all(both)) assertEquals(applied?.digest, MOTD_ID);
    assertEquals(content.calls.read, 1);
  },
});

Deno.test({
  name: "a call that is cancelled ends its job and leaves nothing; the next one works",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { snapshotter, service, store } = made;
    const { blob, gate, reading } = await held(made);
    const mounts = await snapshotter.prepare("default/1/a", null);
    const controller = new AbortController();
    const call = service.apply(
      applyRequest(blob, mounts),
      callOf({ signal: controller.signal }),
    );
    await reading;
    controller.abort(new Error("gone"));
    await assertRejects(() => call, Error, "gone");
    gate.resolve();
    assertEquals([store.layers.list(), store.leases.list()], [[], []]);
    assertEquals(snapshotter.stat("default/1/a").diffId, null);
    const { applied } = await service.apply(applyRequest(blob, mounts), callOf());
    assertEquals(applied?.digest, MOTD_ID);
  },
});

Deno.test({
  name: "the siblings of a layer are there before they are asked for, under leases that end",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture({ workers: 2 });
    const { snapshotter, content, service, store } = made;
    const tars = [1, 2, 3].map((i) => gzipOf([{ name: `file-${i}`, content: `${i}` }]));
    const blobs = await Promise.all(tars.map((bytes) => content.add(bytes)));
    const bad = await content.add(gzipOf([{ name: "../up" }]));
    await content.addManifest([...blobs, bad]);
    const first = await snapshotter.prepare("default/1/a", null);
    await service.apply(applyRequest(blobs[0]!, first), callOf());
    await waitUntil(
      "siblings",
      () => Promise.resolve(blobs.every(({ digest }) => store.layers.byBlob(digest) !== undefined)),
    );
    const leases = store.leases.list();
    assert(leases.every(({ expiresAt }) => expiresAt !== null), JSON.stringify(leases));
    assertEquals(leases.length, 2);
    // A layer that was made in advance has no lease any more when a snapshot has it.
    for (const i of [1, 2]) {
      const mounts = await snapshotter.prepare(`default/1${i}/a`, null);
      await service.apply(applyRequest(blobs[i]!, mounts), callOf());
    }
    assertEquals(store.leases.list(), []);
    // It is silent about the bad one until that is asked for.
    const last = await snapshotter.prepare("default/2/b", null);
    assertEquals(
      await outcome(() => service.apply(applyRequest(bad, last), callOf())),
      "E_PATH_ESCAPE",
    );
    assertEquals(content.calls.list <= 2, true);
  },
});

Deno.test({
  name: "a full disk fails one call, and the next one works",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture({ capacity: 12 * 1024 * 1024, driver: "overlay" });
    const { snapshotter, content, service, store } = made;
    const mounts = await snapshotter.prepare("default/1/a", null);
    const large = await content.add(tarOf([{ name: "random", content: randomBytes(2 ** 24) }]));
    const error = await assertRejects(
      () => service.apply(applyRequest(large, mounts, { mediaType: TAR }), callOf()),
      VarveError,
    );
    assertEquals(error.details.errno, "ENOSPC");
    assertEquals([store.layers.list(), store.leases.list()], [[], []]);
    const { applied } = await service.apply(
      applyRequest(await content.add(MOTD), mounts),
      callOf(),
    );
    assertEquals(applied?.digest, MOTD_ID);
  },
});

Deno.test({
  name: "sync_fs puts a layer on the disk before the answer, whatever the store's durability",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { snapshotter, content, service, pool } = made;
    const jobs: string[] = [];
    const run = pool.run.bind(pool);
    pool.run = ((job: { readonly name: string }, ...rest: unknown[]) => {
      jobs.push(job.name);
      return run(job as never, ...rest as [never]);
    }) as typeof pool.run;
    const blob = await content.add(MOTD);
    for (const [key, syncFs] of [["default/1/a", false], ["default/2/b", true]] as const) {
      const mounts = await snapshotter.prepare(key, null);
      await service.apply(applyRequest(blob, mounts, { syncFs }), callOf());
    }
    assertEquals(jobs, ["layer", "sync"]);
  },
});

Deno.test({
  name: "a client that goes away while a worker makes a large layer ends the job",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture({ workers: 1 });
    const { snapshotter, content, service, store, pool, temp } = made;
    const blob = await content.add(tarOf([{ name: "random", content: randomBytes(96 * 2 ** 20) }]));
    const mounts = await snapshotter.prepare("default/1/a", null);
    const controller = new AbortController();
    const call = service.apply(
      applyRequest(blob, mounts, { mediaType: TAR }),
      callOf({ signal: controller.signal }),
    );
    await waitUntil(
      "the tar of the layer",
      () => Promise.resolve(sizesBelow(temp.join("store/ingest")) > 0),
    );
    controller.abort(new Error("gone"));
    await assertRejects(() => call, Error, "gone");
    assertEquals(service.making, 0);
    // The one worker is free again.
    await syncInPool(pool, temp.path);
    await waitUntil(
      "an empty ingest directory",
      () => Promise.resolve(sizesBelow(temp.join("store/ingest")) === 0),
    );
    assertEquals([store.layers.list(), store.leases.list()], [[], []]);
  },
});

/** Sum of the sizes of all tars below a directory. */
function sizesBelow(path: string): number {
  let sum = 0;
  for (const { name, isDirectory } of Deno.readDirSync(path)) {
    const below = `${path}/${name}`;
    if (isDirectory) sum += sizesBelow(below);
    else if (name === "layer.tar") sum += Deno.lstatSync(below).size;
  }
  return sum;
}
