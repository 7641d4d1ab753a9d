/** `varve cp` into a snapshot: what docker cp does, inside of the snapshot only. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { DAILY, dailyImage } from "../support/cli/mounted_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { type TarFixture, tarOf } from "../support/tar/tar_fixture.ts";
import { listDirectory } from "../support/trees/directory_differences.ts";

/** A tree of this machine that meets what the image has in every way. */
async function makeSource(directory: string): Promise<void> {
  for (const path of ["etc/sub", "data/new", "fresh"]) {
    await Deno.mkdir(`${directory}/${path}`, { recursive: true });
  }
  await Deno.writeTextFile(`${directory}/etc/hosts`, "mine\n");
  await Deno.writeTextFile(`${directory}/etc/added`, "added\n");
  await Deno.writeTextFile(`${directory}/data/new/file`, "new\n");
  await Deno.link(`${directory}/etc/added`, `${directory}/fresh/same`);
  await Deno.symlink("/etc/passwd", `${directory}/fresh/link`);
  await run(["chown", "-hR", "7:8", directory]);
  await Deno.chmod(`${directory}/fresh`, 0o2751);
  await Deno.chmod(`${directory}/etc/added`, 0o4755);
}

// The snapshots of erofs and overlay have the same form.
for (
  const [driver, isMounted] of [
    ["erofs", false],
    ["erofs", true],
    ["native", false],
    ["native", true],
  ] as const
) {
  const state = isMounted ? "mounted" : "unmounted";
  Deno.test({
    name: `cp into a snapshot (${driver}, ${state}) equals cp -a into its mount`,
    ...needs({ root: true, mount: true, tools: ["cp"] }),
    async fn() {
      await using daily = await dailyImage({ mount: false });
      const { temp } = daily;
      const varve = commandOn(temp.join("store"));
      const ok = async (args: readonly string[]) => {
        const { code, stderr } = await varve([...args, "--driver", driver]);
        assertEquals(code, 0, stderr);
      };
      const source = temp.join("source");
      await makeSource(source);
      for (const key of ["ours", "theirs"]) {
        await Deno.mkdir(temp.join(key));
        await ok(["mount", DAILY, temp.join(key), "--rw", key]);
        // What the snapshot has removed must not come back below a new directory.
        await Deno.remove(temp.join(key, "data"), { recursive: true });
      }
      if (!isMounted) await ok(["umount", temp.join("ours")]);
      await ok(["cp", "-a", `${source}/.`, "ours:/"]);
      await ok(["cp", "-a", `${source}/etc/hosts`, "ours:/home/link/copied"]);
      await ok(["cp", "-a", `${source}/fresh`, "ours:/home/"]);
      await ok(["cp", `${source}/etc/added`, "ours:/etc/roots"]);
      await ok(["cp", `${DAILY}:/data`, "ours:/home/data"]);
      const theirs = temp.join("theirs");
      await run(["cp", "-a", `${source}/.`, theirs]);
      await run(["cp", "-a", `${source}/etc/hosts`, `${theirs}/home/user/copied`]);
      await run(["cp", "-a", `${source}/fresh`, `${theirs}/home/`]);
      await run(["cp", "-a", `${source}/etc/added`, `${theirs}/etc/roots`]);
      await run(["chown", "0:0", `${theirs}/etc/roots`]);
      await Deno.chmod(`${theirs}/etc/roots`, 0o4755);
      await ok(["unpack", DAILY, temp.join("all")]);
      await run(["cp", "-a", temp.join("all", "data"), `${theirs}/home/data`]);
      const mounts = await Deno.readTextFile("/proc/self/mountinfo");
      assertEquals(mounts.includes(` ${temp.join("ours")} `), isMounted);
      if (isMounted) await ok(["umount", temp.join("ours")]);
      await ok(["mount", DAILY, temp.join("ours"), "--rw", "ours"]);
      assertEquals(await listed(temp.join("ours")), await listed(theirs));
      await ok(["umount", "--all"]);
      assertEquals(Array.from(Deno.readDirSync(temp.join("store/ingest")), ({ name }) => name), [
        "index.lock",
      ]);
    },
  });
}

/** All attributes, but not the times of directories that got names at different moments. */
async function listed(directory: string): Promise<unknown> {
  for (const path of ["", "home", "home/user", "etc"]) {
    await Deno.utime(`${directory}/${path}`, 1, 1);
  }
  const all = new Map(listDirectory(directory));
  // What is copied into a directory does not change the directory that was named.
  all.delete("");
  return all;
}

Deno.test({
  name: "cp - into a snapshot, hostile tars and paths, and what it refuses",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using daily = await dailyImage({ mount: false });
    const { temp } = daily;
    const varve = commandOn(temp.join("store"));
    await varve(["snapshot", "prepare", "work", DAILY]);
    const tar = (entries: readonly TarFixture[]) => ({ stdin: tarOf(entries) });
    const outside = await Deno.makeTempDir({ dir: temp.path });
    const up = "../".repeat(12);
    const first = await varve(
      ["cp", "-", "work:/home/link"],
      tar([
        { name: "./", mode: 0o777, uid: 3, mtime: 5 },
        { name: "notes", content: "tar\n", uid: 1234, gid: 5, mtime: "1600000001.5", mode: 0o640 },
        { name: "implied/x", content: "x" },
        { name: "out", target: `${up}${outside}` },
      ]),
    );
    assertEquals([first.code, first.stdout], [0, "work:/home/user\n"], first.stderr);
    const kept = await varve(["ls", "-l", "-d", "work:/home/user"]);
    assertStringIncludes(kept.stdout, "drwx------");
    assertStringIncludes((await varve(["stat", "work:/home/user/notes"])).stdout, "1234");
    // A link that leads out of the snapshot stays inside.
    const file = temp.join("file");
    await Deno.writeTextFile(file, "file");
    for (
      const [source, destination, exit, said, stdin] of [
        [file, "work:/home/user/out/x", 4, "there is no such directory", []],
        [file, `work:/${up}up`, 0, "", []],
        [file, "work:/none/", 4, "there is no such directory", []],
        [file, "work:/etc/hosts/x", 4, "there is no such directory", []],
        [temp.join("none"), "work:/", 4, "there is no such file", []],
        [temp.join("no\nne"), "work:/", 4, "there is no such file", []],
        [outside, "work:/etc/hosts", 5, "it is not a directory", []],
        [outside, "work:/etc/hosts/", 5, "it is not a directory", []],
        [`${outside}/.`, "work:/none/new", 4, "there is no such directory", []],
        [`${file}/`, "work:/", 4, "it is not a directory", []],
        [`${file}/.`, "work:/", 4, "it is not a directory", []],
        [file, `${DAILY}:/etc`, 4, "there is no snapshot", []],
        ["-", "work:/etc/hosts", 5, "it is not a directory", []],
        ["-", "work:/none", 4, "there is no such directory", []],
        ["-", "work:/", 5, "not a directory there", [{ name: "etc/hosts/x", content: "" }]],
        ["-", "work:/", 5, "it is a directory there", [{ name: "etc", content: "" }]],
        ["-", "work:/", 7, "whiteout", [{ name: ".wh.etc" }]],
        ["-", "work:/", 7, "whiteout", [{ name: "x", type: "char", major: 0, minor: 0 }]],
        ["-", "work:/", 7, "..", [{ name: "../../x", content: "" }]],
      ] as const
    ) {
      const { code, stderr } = await varve(["cp", source, destination], tar(stdin));
      assertEquals(code, exit, `${source} ${destination}: ${stderr}`);
      assertStringIncludes(stderr, said);
    }
    assertEquals(Array.from(Deno.readDirSync(outside)), []);
    const changed = (await varve(["diff", "work"])).stdout;
    assertEquals(changed.includes(" /etc"), false, changed);
    assertStringIncludes(changed, "A /up\n");
    await varve(["snapshot", "view", "seen", DAILY]);
    const view = await varve(["cp", file, "seen:/"]);
    assertEquals(view.code, 6, view.stderr);
  },
});

for (const isMounted of [false, true]) {
  Deno.test({
    name: `cp into a snapshot names copies as docker cp does (${
      isMounted ? "mounted" : "unmounted"
    })`,
    ...needs({ root: true, mount: true }),
    async fn() {
      await using daily = await dailyImage({ mount: false });
      const { temp } = daily;
      const varve = commandOn(temp.join("store"));
      const source = temp.join("source");
      await Deno.mkdir(`${source}/dir`, { recursive: true });
      await Deno.writeTextFile(`${source}/dir/file`, "file\n");
      await Deno.chmod(`${source}/dir`, 0o751);
      await Deno.symlink("dir", `${source}/alias`);
      await varve(["snapshot", "prepare", "work", DAILY]);
      await Deno.mkdir(temp.join("work"));
      if (isMounted) await varve(["mount", DAILY, temp.join("work"), "--rw", "work"]);
      for (
        const [from, destination, copied] of [
          // What is in a directory: a new name is made for it, one that is there keeps its own mode.
          [`${source}/dir/.`, "/new", "/new"],
          [`${source}/dir/.`, "/slash/", "/slash"],
          [`${source}/dir/.`, "/data", "/data"],
          [`${DAILY}:/home/user/.`, "/home/new", "/home/new"],
          [`${DAILY}:/home/user/.`, "/data/deep", "/data/deep"],
          // A slash asks for the directory behind a link, under the name of the link.
          [`${source}/alias/`, "/opt", "/opt"],
          [`${source}/alias/`, "/home", "/home/alias"],
          [`${source}/alias`, "/etc", "/etc/alias"],
          [`${DAILY}:/home/link/`, "/etc/new", "/etc/new"],
          [`${DAILY}:/home/link/`, "/bin", "/bin/link"],
        ] as const
      ) {
        const { code, stdout, stderr } = await varve(["cp", from, `work:${destination}`]);
        assertEquals([code, stdout], [0, `work:${copied}\n`], `${from}: ${stderr}`);
      }
      const listed = async (path: string) => {
        const { stdout } = await varve(["ls", "-l", "-d", `work:${path}`]);
        return stdout.split(" ")[0];
      };
      assertEquals(await listed("/new"), "drwxr-x--x");
      assertEquals(await listed("/slash"), "drwxr-x--x");
      assertEquals(await listed("/data"), "drwxr-xr-x");
      assertEquals(await listed("/home/new"), "drwx------");
      assertEquals(await listed("/data/deep/notes"), "-rw-------");
      assertEquals(await listed("/opt"), "drwxr-x--x");
      assertEquals(await listed("/etc/alias"), "lrwxrwxrwx");
      assertEquals(await listed("/bin/link/notes"), "-rw-------");
      for (const path of ["/new", "/slash", "/data", "/opt", "/home/alias"]) {
        assertEquals((await varve(["cat", `work:${path}/file`])).stdout, "file\n", path);
      }
      await varve(["umount", "--all"]);
    },
  });
}
