import { assert, assertEquals, assertRejects } from "@std/assert";
import { readMountInfo } from "../../lib/linux/mod.ts";
import type { DriverName } from "../../lib/snapshot/mod.ts";
import { codeOf } from "../support/code_of.ts";
import {
  type Change,
  checkSnapshots,
  chown,
  link,
  makeDirectory,
  removeAll,
  rename,
  writeFile,
} from "../support/snapshots/file_changes.ts";
import type { SnapshotterTest } from "./snapshotter.ts";

/** What a snapshotter promises about files. */
export function filesConformance(test: SnapshotterTest, driver: DriverName): void {
  test("Basic: prepare, commit, prepare on it, view, remove", async (fixture) => {
    const { snapshotter } = fixture;
    const second = await checkSnapshots(fixture, [
      [
        writeFile("foo", "foo\n", 0o777),
        makeDirectory("a"),
        makeDirectory("a/b"),
        makeDirectory("a/b/c"),
      ],
      [writeFile("bar", "bar\n", 0o777), writeFile("foo", "bar\n"), removeAll("a/b")],
    ]);
    const first = snapshotter.stat(second).parent as string;
    assertEquals(snapshotter.stat(first).parent, null);
    const view = snapshotter.walk(["kind==view"])[0]?.key as string;
    assertEquals(await codeOf(() => snapshotter.remove(second)), "E_PRECONDITION");
    await snapshotter.remove(view);
    await snapshotter.remove(second);
    await snapshotter.remove(first);
    assertEquals(snapshotter.walk(), []);
  });

  test("a snapshot is committed while it is mounted", async (fixture) => {
    const { snapshotter } = fixture;
    await using mounted = await fixture.mount(await snapshotter.prepare("a", null));
    await Deno.writeTextFile(`${mounted.path}/foo`, "foo\n");
    await snapshotter.commit("c", "a");
    await using view = await fixture.mount(await snapshotter.view("v", "c"));
    assertEquals(await Deno.readTextFile(`${view.path}/foo`), "foo\n");
  });

  test("LayerFileUpdate", (fixture) =>
    checked(fixture, [
      [
        makeDirectory("etc", 0o700),
        writeFile("etc/hosts", "mydomain 10.0.0.1"),
        writeFile("etc/profile", "PATH=/usr/bin"),
      ],
      [
        writeFile("etc/hosts", "mydomain 10.0.0.2"),
        writeFile("etc/profile", "PATH=/usr/bin", 0o666),
        makeDirectory("root", 0o700),
        writeFile("root/.bashrc", "PATH=/usr/sbin:/usr/bin"),
      ],
    ]));

  test("RemoveDirectoryInLowerLayer", (fixture) =>
    checked(fixture, [
      [makeDirectory("lib", 0o700), writeFile("lib/hidden", "")],
      [removeAll("lib"), makeDirectory("lib", 0o700), writeFile("lib/not-hidden", "")],
      [writeFile("lib/newfile", "")],
    ]));

  test("Chown", (fixture) =>
    checked(fixture, [
      [
        makeDirectory("opt", 0o700),
        makeDirectory("opt/a", 0o700),
        makeDirectory("opt/a/b", 0o700),
        writeFile("opt/a/b/file.txt", "hello"),
      ],
      [chown("opt", 1, 1), chown("opt/a", 1, 1), chown("opt/a/b/file.txt", 1, 1)],
    ]));

  test("DirectoryPermissionOnCommit", (fixture) =>
    checked(fixture, [
      [
        ...["dir1", "dir2", "dir3", "dir4", "dir5"].map((path) => makeDirectory(path, 0o700)),
        writeFile("dir4/f1", "..."),
        writeFile("dir5/f1", "..."),
        ...["dir1", "dir2", "dir3", "dir5", "dir5/f1"].map((path) => chown(path, 1, 1)),
      ],
      [
        chown("dir2", 0, 0),
        removeAll("dir3"),
        chown("dir4", 1, 1),
        chown("dir4/f1", 1, 1),
      ],
      [
        makeDirectory("dir3", 0o700),
        chown("dir3", 1, 1),
        removeAll("dir5"),
        makeDirectory("dir5", 0o700),
        chown("dir5", 1, 1),
      ],
    ]));

  test("DeletedFilesInChildSnapshot", (fixture) =>
    checked(fixture, [
      [writeFile("foo", "foo\n"), writeFile("foobar", "foobar\n")],
      [removeAll("foobar")],
      [],
    ]));

  test("MoveFileFromLowerLayer", (fixture) =>
    checked(fixture, [
      [
        makeDirectory("dir1", 0o700),
        writeFile("dir1/f1", "Hello"),
        makeDirectory("dir2", 0o700),
        writeFile("dir2/f2", "..."),
      ],
      [
        makeDirectory("dir3", 0o700),
        writeFile("dir3/f1", "Hello"),
        removeAll("dir1"),
        link("dir2/f2", "dir3/f2"),
        removeAll("dir2/f2"),
      ],
    ]));

  test("Rename: files everywhere, directories of a parent where the driver can", async (fixture) => {
    const directory = rename("dir1", "dir2");
    const name = await checkSnapshots(fixture, [
      [
        makeDirectory("dir1", 0o700),
        makeDirectory("somefiles", 0o700),
        writeFile("somefiles/f1", "was here first!"),
        writeFile("somefiles/f2", "nothing interesting"),
      ],
      [
        ...(driver === "native" ? [directory] : []),
        writeFile("somefiles/f1-overwrite", "new content 1"),
        rename("somefiles/f1-overwrite", "somefiles/f1"),
        rename("somefiles/f2", "somefiles/f3"),
      ],
    ]);
    if (driver === "native") return;
    // A commit could not read a redirect.
    await using mounted = await fixture.mount(await fixture.snapshotter.prepare("r", name));
    const error = await assertRejects(() => directory(mounted.path)) as Error;
    assert(/os error 18/.test(error.message), error.message);
  });

  test("ViewReadonly: nothing can be written, on any kind of parent", async (fixture) => {
    const { snapshotter } = fixture;
    await snapshotter.prepare("a", null);
    await snapshotter.commit("c", "a");
    await snapshotter.prepare("b", "c");
    await snapshotter.commit("d", "b");
    const { chainId } = await fixture.chain([[{ name: "f" }]]);
    for (const parent of [null, "c", "d", snapshotter.ensureChain(chainId)]) {
      const key = `view of ${parent}`;
      await using mounted = await fixture.mount(await snapshotter.view(key, parent));
      const acts = [
        () => Deno.writeTextFile(`${mounted.path}/t`, "x"),
        () => Deno.chmod(mounted.path, 0),
      ];
      for (const act of acts) {
        const error = await assertRejects(act) as Error;
        assert(/os error 30/.test(error.message), error.message);
      }
      const info = readMountInfo().find(({ mountPoint }) => mountPoint === mounted.path);
      assert(info?.options.includes("ro" as never));
      assertEquals(await snapshotter.usage(key), { size: 0, inodes: 0 });
    }
  });

  test("RootPermission: 0755 and mtime 0 without a parent, else the parent's root", async (fixture) => {
    const { snapshotter } = fixture;
    for (const kind of ["prepare", "view"] as const) {
      await using mounted = await fixture.mount(await snapshotter[kind](kind, null));
      const { mode, mtime } = await Deno.stat(mounted.path);
      assertEquals([(mode as number) & 0o7777, mtime?.getTime()], [0o755, 0]);
    }
    {
      await using mounted = await fixture.mount(await snapshotter.mounts("prepare"));
      await Deno.chmod(mounted.path, 0o1700);
      await Deno.chown(mounted.path, 7, 8);
    }
    await snapshotter.commit("c", "prepare");
    await using child = await fixture.mount(await snapshotter.prepare("child", "c"));
    const { mode, uid, gid } = await Deno.stat(child.path);
    assertEquals([(mode as number) & 0o7777, uid, gid], [0o1700, 7, 8]);
  });

  test("Usage: what is in the snapshot itself; kept once it is committed", async (fixture) => {
    const { snapshotter } = fixture;
    assertEquals(await codeOf(() => snapshotter.usage("absent")), "E_NOT_FOUND");
    await using mounted = await fixture.mount(await snapshotter.prepare("a", null));
    const empty = await snapshotter.usage("a");
    assertEquals(empty.inodes, 1);
    await Deno.writeFile(`${mounted.path}/f`, new Uint8Array(1 << 20));
    await Deno.link(`${mounted.path}/f`, `${mounted.path}/g`);
    await Deno.mkdir(`${mounted.path}/d`);
    await Deno.symlink("f", `${mounted.path}/d/s`);
    const used = await snapshotter.usage("a");
    assertEquals(used.inodes, 4);
    assert(used.size >= empty.size + (1 << 20) && used.size < empty.size + (1 << 20) + 65536);
    await snapshotter.commit("c", "a");
    assertEquals(snapshotter.stat("c").usage, null);
    assertEquals(await snapshotter.usage("c"), used);
    assertEquals(snapshotter.stat("c").usage, used);
  });

  test("128LayersMount", async (fixture) => {
    const layers: Change[][] = [[
      writeFile("bottom", "way at the bottom\n", 0o777),
      writeFile("overwriteme", "FIRST!\n", 0o777),
      makeDirectory("addhere"),
      makeDirectory("onlyme"),
      writeFile("onlyme/bottom", "bye!\n", 0o777),
    ]];
    for (let i = 1; i < 128; i++) {
      layers.push([
        writeFile("overwriteme", `${i} WAS HERE!\n`, 0o777),
        writeFile(`addhere/file-${i}`, "same\n", 0o755),
        removeAll("onlyme"),
        makeDirectory("onlyme"),
        writeFile(`onlyme/file-${i}`, "only me!\n", 0o777),
      ]);
    }
    await checked(fixture, layers);
  });
}

async function checked(...args: Parameters<typeof checkSnapshots>): Promise<void> {
  const name = await checkSnapshots(...args);
  assertEquals(args[0].snapshotter.stat(name).kind, "committed");
}
