import { assert, assertEquals, assertMatch } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { findings, NAME, sickStore } from "../support/upkeep/sick_store.ts";

const NEEDS = needs({ root: true, mount: true, kernel: "6.12" });

/** The names in a directory, sorted. */
async function namesIn(directory: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();
}

async function text(...command: [string, ...string[]]): Promise<string> {
  const [program, ...args] = command;
  const { stdout } = await new Deno.Command(program, { args }).output();
  return new TextDecoder().decode(stdout);
}

Deno.test({
  name: "backup: a store in use is copied to one that opens, passes fsck --deep and mounts",
  ...NEEDS,
  async fn() {
    for (const link of [false, true]) {
      await using sick = await sickStore();
      const { root, on } = sick;
      const mnt = `${root}.mnt`, target = `${root}.backup`;
      await Deno.mkdir(mnt);
      await Deno.mkdir(target);
      await on(["snapshot", "commit", "base", "work"]);
      assertEquals((await on(["snapshot", "prepare", "top", "base"])).code, 0);
      assertEquals((await on(["mount", NAME, mnt, "--rw", "second"])).code, 0);
      // Opaque directories and whiteouts are attributes and devices of the upper directory.
      await Deno.writeTextFile(`${mnt}/new`, "mine");
      const [first = ""] = (await namesIn(mnt)).filter((name) => name !== "new");
      await Deno.remove(`${mnt}/${first}`, { recursive: true });
      await Deno.mkdir(`${mnt}/${first}`);
      const wanted = await namesIn(mnt);
      const { code, stdout, stderr } = await on([
        "backup",
        target,
        "--format",
        "json",
        ...(link ? ["--link"] : []),
      ]);
      assertEquals(code, 0, stderr);
      const told = JSON.parse(stdout);
      assertEquals([told.linked > 0, told.copied > 0], [link, !link]);
      assertEquals([told.unpaused, told.leftOut], [["second"], []]);
      assertMatch(
        stderr,
        /snapshot "second" was in use and not paused: its files may be from different moments/,
      );
      assertEquals((await on(["umount", mnt])).code, 0);
      // Nothing is left beside it.
      assertEquals(
        (await namesIn(root.slice(0, root.lastIndexOf("/")))).filter((name) =>
          name.includes(".varve-")
        ),
        [],
      );
      const copy = commandOn(target);
      assertEquals(await findings({ on: copy }, "fsck", "--deep"), []);
      for (const verb of [["images"], ["layers", NAME], ["tree", NAME]]) {
        assertEquals(
          (await copy(verb)).stdout.replace(/ *[0-9]+$/gm, ""),
          (await on(verb)).stdout.replace(/ *[0-9]+$/gm, ""),
          verb.join(" "),
        );
      }
      // The original is gone: the backup needs nothing of it. What is mounted for "top" goes with it.
      assertEquals((await on(["snapshot", "rm", "top"])).code, 0);
      await Deno.remove(root, { recursive: true });
      const keys = JSON.parse((await copy(["snapshot", "ls", "--format", "json"])).stdout)
        .map(({ key }: { key: string }) => key).filter((key: string) => !key.startsWith("sha256:"));
      assertEquals(keys, ["base", "second", "top"]);
      try {
        for (const args of [[mnt, "--rw", "second"], ["--driver", "overlay", mnt]]) {
          const mounted = await copy(["mount", NAME, ...args]);
          assertEquals(mounted.code, 0, mounted.stderr);
          if (args.includes("second")) {
            assertEquals(await namesIn(mnt), wanted);
            assertEquals(await namesIn(`${mnt}/${first}`), []);
            assertEquals(await Deno.readTextFile(`${mnt}/new`), "mine");
          }
          assertEquals((await copy(["umount", mnt])).code, 0);
        }
      } finally {
        await copy(["umount", "--all"]);
        await Deno.remove(mnt);
      }
    }
  },
});

Deno.test({
  name:
    "backup: hard links in the store are hard links in the copy, and --no-snapshots leaves out read-write ones",
  ...NEEDS,
  async fn() {
    await using sick = await sickStore();
    const { root, on } = sick;
    const target = `${root}.backup`;
    const { code, stdout } = await on(["backup", target, "--no-snapshots"]);
    assertEquals(code, 0);
    assertMatch(stdout, /^\/.*: [0-9]+ files \([0-9]+ copied\), [0-9.]+ [kM]B; 0 snapshots\n$/);
    const copy = commandOn(target);
    assertEquals(await findings({ on: copy }, "fsck", "--deep"), []);
    assertEquals(await namesIn(`${target}/snapshots`), []);
    const keys = (await copy(["snapshot", "ls", "--format", "json"])).stdout;
    assertEquals(keys.includes('"work"'), false);
    const links = (directory: string) =>
      text("find", `${directory}/layers`, "-name", "layer.tar", "-links", "+1", "-printf", "%f\n");
    assert((await links(root)).length > 0);
    assertEquals(await links(target), await links(root));
  },
});

Deno.test({
  name:
    "backup: a directory that is not empty is exit 5, one in the store exit 2, and nothing is made on an error",
  ...NEEDS,
  async fn() {
    await using sick = await sickStore();
    const { root, on, layer } = sick;
    const parent = root.slice(0, root.lastIndexOf("/"));
    await Deno.mkdir(`${root}.full`);
    await Deno.writeTextFile(`${root}.full/file`, "");
    await Deno.writeTextFile(`${root}.file`, "");
    const before = await namesIn(parent);
    for (
      const [exit, directory] of [
        [5, `${root}.full`],
        [5, `${root}.file`],
        [5, parent],
        [2, `${root}/backup`],
        [4, `${root}.absent/backup`],
      ] as const
    ) {
      const { code, stdout, stderr } = await on(["backup", directory]);
      assertEquals([code, stdout], [exit, ""], stderr);
      assertMatch(stderr, /^varve: Cannot /);
    }
    await Deno.rename(layer(1, "layer.tar"), layer(1, "moved"));
    assertEquals((await on(["backup", `${root}.backup`])).code, 3);
    assertEquals(await namesIn(parent), before);
  },
});

Deno.test({
  name: "backup: a mount point is refused before anything is copied",
  ...NEEDS,
  async fn() {
    await using sick = await sickStore();
    const { root, on } = sick;
    const disk = `${root}.disk`, parent = root.slice(0, root.lastIndexOf("/"));
    await Deno.mkdir(disk);
    await run(["mount", "-t", "tmpfs", "none", disk]);
    try {
      const before = await Deno.stat(parent);
      const { code, stderr } = await on(["backup", disk]);
      assertEquals([code, stderr], [
        6,
        `varve: Cannot write ${disk}: a file system is mounted there (give a new directory in it, such as ${disk}/varve)\n`,
      ]);
      // Nothing was made beside it.
      assertEquals((await Deno.stat(parent)).mtime, before.mtime);
      assertEquals((await on(["backup", `${disk}/varve`])).code, 0);
    } finally {
      await run(["umount", disk]);
    }
  },
});

Deno.test({
  name: "backup: a store on a read-only file system is copied, too",
  ...NEEDS,
  async fn() {
    await using sick = await sickStore();
    const root = `${sick.root}.read-only`, target = `${sick.root}.backup`;
    await Deno.mkdir(root);
    await run(["mount", "--bind", sick.root, root]);
    try {
      await run(["mount", "-o", "remount,ro,bind", root]);
      const { code, stderr } = await commandOn(root)(["backup", target]);
      assertEquals([code, stderr], [0, ""]);
    } finally {
      await run(["umount", root]);
    }
    const on = commandOn(target);
    assertEquals(await findings({ on }, "fsck", "--deep"), []);
    const { stdout } = await on(["images", "--format", "{{.name}}"]);
    assertEquals(stdout, `${NAME}\n`);
    await Deno.stat(`${target}/${sick.snapshot("work").slice(sick.root.length)}/fs/written`);
  },
});

Deno.test({
  name: "backup: what a killed backup left is removed by the next one",
  ...NEEDS,
  async fn() {
    await using sick = await sickStore();
    const { root, on } = sick;
    const [parent, name] = [
      root.slice(0, root.lastIndexOf("/")),
      root.slice(root.lastIndexOf("/") + 1),
    ];
    await Deno.mkdir(`${parent}/.${name}.backup.varve-0123456789ab/layers`, { recursive: true });
    assertEquals((await on(["backup", `${root}.backup`])).code, 0);
    assertEquals((await namesIn(parent)).filter((one) => one.startsWith(".")), []);
    assertEquals(await findings({ on: commandOn(`${root}.backup`) }, "fsck", "--deep"), []);
  },
});
