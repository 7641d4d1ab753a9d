/** Hostile keys, paths, tables and times, by the rows of the list of hostile inputs. */
import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { fromText } from "../../lib/bytes/mod.ts";
import {
  CWD,
  findMount,
  openDirectoryAt,
  overlayMount,
  ownFd,
  performMount,
  performUnmount,
  readMountInfo,
} from "../../lib/linux/mod.ts";
import { mountImage, unmountImage } from "../../lib/mount/mod.ts";
import { overlayWorks } from "../../lib/snapshot/drivers/overlay_probe.ts";
import { refuseBusy } from "../../lib/snapshot/internal.ts";
import { liveMounts, selectDriver } from "../../lib/snapshot/mod.ts";
import { openStore } from "../../lib/store/mod.ts";
import { collectGarbage } from "../../lib/upkeep/mod.ts";
import { Cli, MAIN } from "../support/cli/cli.ts";
import { codeOf } from "../support/code_of.ts";
import { needs } from "../support/machine/needs.ts";
import { standing } from "../support/machine/standing.ts";
import {
  bringImage,
  DRIVER_NAMES,
  type FixtureOptions,
  mountAt,
  type SnapshotFixture,
  snapshotFixture,
  TMPFS,
} from "../support/snapshots/snapshot_fixture.ts";
import { namesIn } from "../support/trees/names_in.ts";

/** Registers a test for each driver. */
function test(
  name: string,
  fn: (fixture: SnapshotFixture) => Promise<void>,
  options: FixtureOptions = {},
): void {
  for (const driver of DRIVER_NAMES) {
    Deno.test({
      name: `${name} (${driver})`,
      ...needs({ root: true, mount: true }),
      async fn() {
        await using fixture = await snapshotFixture(driver, options);
        await fn(fixture);
      },
    });
  }
}

const isMounted = (path: string) => findMount(readMountInfo(), fromText(path)) !== undefined;

test("I03: keys are text in rows, never paths", async ({ snapshotter, store, temp }) => {
  const good = [
    "../x",
    "/",
    "/etc/passwd",
    "..",
    ".",
    "a/../../b",
    "extract-123456789-abcd sha256:0123",
    "ключ \u{1F511}",
    "'; DROP TABLE snapshot; --",
    "%00",
    "x".repeat(4096),
  ];
  for (const [i, key] of good.entries()) {
    await snapshotter.prepare(key, null);
    await snapshotter.view(`view ${i}`, null);
  }
  const bad = ["", "a\0b", "a\nb", "\x1b[2J", "x".repeat(65536), "é".repeat(4096), "\ud800"];
  for (const key of bad) {
    assertEquals(await codeOf(() => snapshotter.prepare(key, null)), "E_USAGE");
    assertEquals(await codeOf(() => snapshotter.view(key, null)), "E_USAGE");
    assertEquals(await codeOf(() => snapshotter.commit(key, "..")), "E_USAGE");
    for (const act of [snapshotter.remove(key), snapshotter.mounts(key), snapshotter.usage(key)]) {
      assertEquals(await codeOf(() => act), "E_NOT_FOUND");
    }
  }
  assertEquals(snapshotter.walk().length, 2 * good.length);
  assert(namesIn(`${store.root}/snapshots`).every((name) => /^[1-9][0-9]*$/.test(name)));
  assertEquals(namesIn(`${store.root}/snapshots`).length, 2 * good.length);
  assertEquals(namesIn(temp.path), ["store"]);
});

test("I07: commits and removals at the wrong time", async (fixture) => {
  const { snapshotter } = fixture;
  const code = (act: () => unknown) => codeOf(act);
  await using mounted = await fixture.mount(await snapshotter.prepare("a", null));
  {
    using writer = await Deno.open(`${mounted.path}/f`, { write: true, createNew: true });
    await writer.write(new Uint8Array([120]));
    assertEquals(await code(() => snapshotter.commit("c", "a")), "ok");
    await writer.write(new Uint8Array([121]));
  }
  assertEquals(await code(() => snapshotter.commit("d", "a")), "E_NOT_FOUND");
  assertEquals(await code(() => snapshotter.commit("d", "c")), "E_PRECONDITION");
  await snapshotter.prepare("b", "c");
  assertEquals(await code(() => snapshotter.remove("c")), "E_PRECONDITION");
  assertEquals(await code(() => snapshotter.prepare("x", "b")), "E_USAGE");
  await snapshotter.remove("b");
  assertEquals(await code(() => snapshotter.commit("d", "b")), "E_NOT_FOUND");
  assertEquals(await code(() => snapshotter.remove("b")), "E_NOT_FOUND");
  await using view = await fixture.mount(await snapshotter.view("v", "c"));
  const write = await Deno.writeTextFile(`${view.path}/f`, "").catch((error) => String(error));
  assert(/os error 30/.test(write ?? ""));
  assertEquals(await code(() => snapshotter.commit("d", "v")), "E_PRECONDITION");
});

test("I08: a cycle and a chain without end in the database", async (fixture) => {
  const { snapshotter, store } = fixture;
  for (const [name, parent] of [["a", null], ["b", "a"], ["c", "b"]] as const) {
    await snapshotter.prepare("k", parent);
    await snapshotter.commit(name, "k");
  }
  await snapshotter.prepare("active", "c");
  using db = new DatabaseSync(`${store.root}/meta.db`);
  db.exec("UPDATE snapshot SET parent = 'c' WHERE key = 'a'");
  const refused = async () => {
    assertEquals(await codeOf(() => snapshotter.mounts("active")), "E_DAMAGE");
    assertEquals(await codeOf(() => snapshotter.prepare("x", "c")), "E_DAMAGE");
    assertEquals(await codeOf(() => snapshotter.view("x", "c")), "E_DAMAGE");
    assertEquals(await codeOf(() => snapshotter.stat("x")), "E_NOT_FOUND");
    assertEquals(namesIn(`${store.root}/snapshots`).length, 4);
  };
  await refused();
  db.exec("UPDATE snapshot SET parent = '10000' WHERE key = 'a'");
  db.exec("BEGIN");
  const add = db.prepare(
    "INSERT INTO snapshot SELECT scope, ?, kind, ?, cache_id, diff_id, labels, created_at, updated_at, usage_size, usage_inodes, ref FROM snapshot WHERE key = 'a'",
  );
  for (let i = 1; i <= 10_000; i++) add.run(`${i}`, i === 1 ? null : `${i - 1}`);
  db.exec("COMMIT");
  await refused();
});

Deno.test({
  name: "I11: a store on an overlay says why, and takes the driver that works",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using fixture = await snapshotFixture("overlay");
    const { temp, pool } = fixture;
    assertEquals(overlayWorks(fixture.store), true);
    for (const name of ["lower", "upper", "work"]) await Deno.mkdir(temp.join(name));
    const at = (name: string) => fromText(temp.join(name));
    const upper = { directory: at("upper"), work: at("work") };
    const mounts = [overlayMount({ lowers: [at("lower")], upper })];
    await using merged = await mountAt(mounts, temp.join("merged"));
    await using store = await openStore({ root: `${merged.path}/store`, durability: "none" });
    const why = overlayWorks(store);
    assert(typeof why === "string" && /overlay/.test(why), String(why));
    assertEquals(selectDriver(store, { pool }).name, "native");
    assertEquals(namesIn(`${store.root}/mounts`), []);
  },
});

Deno.test({
  name: "J19: what a probe left that was killed goes with a later one, and with gc",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using fixture = await snapshotFixture("overlay");
    const { store } = fixture;
    const mounts = `${store.root}/mounts`;
    const left = ["probe-mounted", "probe-new"];
    for (const clean of [() => overlayWorks(store), () => collectGarbage(store)]) {
      for (const name of [...left, "probe-live", "other"]) {
        await Deno.mkdir(`${mounts}/${name}/merged/x`, { recursive: true });
      }
      performMount(TMPFS, fromText(`${mounts}/probe-mounted/merged`));
      using live = ownFd(openDirectoryAt(CWD, fromText(`${mounts}/probe-live`)));
      assert(live.lock("shared"));
      await clean();
      assertEquals(namesIn(mounts), ["other", "probe-live"]);
      assertEquals(isMounted(`${mounts}/probe-mounted/merged`), false);
    }
  },
});

Deno.test({
  name: "J19: a probe that may not unmount says what failed, and leaves nothing",
  ...needs({ root: true, mount: true, tools: ["unshare"] }),
  async fn() {
    await using fixture = await snapshotFixture("overlay");
    const { store } = fixture;
    assert(store.root !== null);
    const mounts = `${store.root}/mounts`;
    for (const name of ["probe-old", "probe-mounted"]) {
      await Deno.mkdir(`${mounts}/${name}/merged`, { recursive: true });
    }
    performMount(TMPFS, fromText(`${mounts}/probe-mounted/merged`));
    // Root of a user namespace, in the mount namespace of another.
    const program = [
      "unshare",
      "--map-root-user",
      Deno.execPath(),
      "run",
      "-A",
      "--no-check",
      MAIN,
    ];
    const { drivers } = await new Cli(store.root, {}, program).json(["doctor"]);
    const overlay = drivers.find(({ name }: { name: string }) => name === "overlay");
    assertEquals(overlay.works, false);
    assert(/operation not permitted/.test(overlay.why), overlay.why);
    assertEquals(namesIn(mounts), ["probe-mounted"]);
    // Whoever may unmount removes that too.
    assertEquals(overlayWorks(store), true);
    assertEquals(namesIn(mounts), []);
  },
});

for (
  const root of ["com,ma", "co:lon", "back\\slash", "white space", "new\nline", "rw,upperdir=x:y\\"]
) {
  test(`I15: a store called ${JSON.stringify(root)}`, async (fixture) => {
    const { snapshotter } = fixture;
    const layers = [[{ name: "a", content: "a" }], [{ name: "b" }], [{ name: "c" }]];
    const { chainId } = await fixture.chain(layers);
    const parent = snapshotter.ensureChain(chainId);
    await using mounted = await fixture.mount(await snapshotter.prepare("k", parent));
    await Deno.writeTextFile(`${mounted.path}/d`, "");
    assertEquals(namesIn(mounted.path), ["a", "b", "c", "d"]);
    await using view = await fixture.mount(await snapshotter.view("v", parent));
    assertEquals(namesIn(view.path), ["a", "b", "c"]);
    const write = await Deno.writeTextFile(`${view.path}/d`, "").catch((error) => String(error));
    assert(/os error 30/.test(write ?? ""));
  }, { root });
}

Deno.test({
  name: "I15: what is mounted from a store with a backslash is known as ours",
  ...needs({ root: true, mount: true, kernel: "6.12" }),
  async fn() {
    await using fixture = await snapshotFixture("erofs", { root: "back\\slash" });
    const { store, pool, snapshotter, temp } = fixture;
    const image = await bringImage(store, pool, "example.org/a:1", [[{ name: "a" }]]);
    await Deno.mkdir(temp.join("mnt\\"));
    const target = temp.join("mnt\\");
    await using mounted = await mountImage(store, image, target, { snapshotter });
    assertEquals([...liveMounts(store).keys()], [mounted.target]);
    await unmountImage(store, target, { snapshotter });
    assertEquals([store.leases.list(), namesIn(target)], [[], []]);
  },
});

test("J15: an image and a snapshot that are mounted, removed", async (fixture) => {
  const { store, pool, snapshotter, temp } = fixture;
  const name = "example.org/a:1";
  const image = await bringImage(store, pool, name, [[{ name: "a", content: "a" }]]);
  await Deno.mkdir(temp.join("mnt"));
  const target = temp.join("mnt");
  await using mounted = await mountImage(store, image, target, { snapshotter, key: "work" });
  store.images.remove(name);
  assertEquals(await codeOf(() => store.images.remove(name)), "E_NOT_FOUND");
  assertEquals(await Deno.readTextFile(`${mounted.target}/a`), "a");
  const [lease] = store.leases.list();
  assert(lease?.resources.includes(`chain:${image.chainId}`));
  assertEquals(await codeOf(() => refuseBusy(store, "work")), "E_BUSY");
  const chain = String(image.chainId);
  assertEquals(await codeOf(() => snapshotter.remove(chain)), "E_PRECONDITION");
  await unmountImage(store, target, { snapshotter });
  assertEquals(await codeOf(() => refuseBusy(store, "work")), "ok");
  await snapshotter.remove("work");
  assertEquals(await codeOf(() => snapshotter.remove(chain)), "ok");
});

test("J19: a restart with mounts, mounts that ended without us, and foreign ones", async (fixture) => {
  const { store, pool, temp } = fixture;
  const image = await bringImage(store, pool, "example.org/a:1", [[{ name: "a", content: "a" }]]);
  const target = temp.join("mnt");
  await Deno.mkdir(target);
  const mount = (snapshotter = fixture.reopen()) =>
    mountImage(store, image, target, { snapshotter });
  const unmount = () => unmountImage(store, target, { snapshotter: fixture.reopen() });
  const books = () => [
    store.leases.list().length,
    fixture.snapshotter.walk(["kind==view"]).length,
  ];
  // A restart: another snapshotter over the same store knows the mount.
  await mount();
  assertEquals([...liveMounts(store).keys()], [target]);
  assertEquals(await codeOf(mount), "E_PRECONDITION");
  await unmount();
  assertEquals(books(), [0, 0]);
  // A reboot, or an unmount by hand: the next mount and the next unmount repair lease and view.
  await mount();
  performUnmount(fromText(target), { lazy: true });
  assertEquals([liveMounts(store).size, ...books()], [0, 1, 1]);
  await mount();
  assertEquals([liveMounts(store).size, ...books()], [1, 1, 1]);
  performUnmount(fromText(target), { lazy: true });
  await unmount();
  assertEquals(books(), [0, 0]);
  // Killed between the books and the mount.
  await fixture.snapshotter.view(`mount:${target}`, String(image.chainId));
  await mount();
  await unmount();
  assertEquals([isMounted(target), ...books()], [false, 0, 0]);
  // Something else stands where we mounted.
  await mount();
  performUnmount(fromText(target), { lazy: true });
  performMount(TMPFS, fromText(target));
  assertEquals(liveMounts(store).size, 0);
  assertEquals(await codeOf(mount), "E_PRECONDITION");
  assertEquals(await codeOf(unmount), "E_PRECONDITION");
  performUnmount(fromText(target));
  await unmount();
  assertEquals(books(), [0, 0]);
});

test("J19: a mount in another mount namespace lives as long as that", async (fixture) => {
  const { store, pool, snapshotter, temp } = fixture;
  const image = await bringImage(store, pool, "example.org/a:1", [[{ name: "a", content: "a" }]]);
  const target = temp.join("mnt");
  await Deno.mkdir(target);
  const mount = () => mountImage(store, image, target, { snapshotter });
  const unmount = () => unmountImage(store, target, { snapshotter });
  await mount();
  const lease = store.leases.get(`mount:${target}`);
  await unmount();
  if (lease === undefined) throw new Error("no lease");
  const other = await standing(["unshare", "--mount", "sh", "-c", "echo ready; exec cat"]);
  const namespace = await Deno.readLink(`/proc/${other.pid}/ns/mnt`);
  const label = "varve.mount.namespace";
  const boot = lease.labels[label]?.split(" ")[0];
  const elsewhere = { ...lease, labels: { ...lease.labels, [label]: `${boot} ${namespace}` } };
  store.leases.create(elsewhere);
  assertEquals([...liveMounts(store).keys()], [target]);
  assertEquals(await codeOf(mount), "E_PRECONDITION");
  assertEquals(await codeOf(unmount), "E_PRECONDITION");
  await other[Symbol.asyncDispose]();
  assertEquals(liveMounts(store).size, 0);
  await mount();
  await unmount();
  // Before the last boot: that namespace is gone whatever its number.
  const rebooted = { [label]: `another-boot ${namespace}` };
  store.leases.create({ ...lease, labels: { ...lease.labels, ...rebooted } });
  await unmount();
  assertEquals(store.leases.list(), []);
});
