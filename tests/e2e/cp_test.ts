/** `varve cp` beside the unpacked image, in all attributes; its tar, extracted by GNU tar; snapshots; refusals. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { DAILY, dailyImage, mountWork } from "../support/cli/mounted_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { listDirectory } from "../support/trees/directory_differences.ts";

/** Everything that has a shape of its own. */
const PATHS = [
  "/etc",
  "/home",
  "/home/user",
  "/data",
  "/bin",
  "/etc/hosts",
  "/dev/null",
  "/run/pipe",
];

Deno.test({
  name: "cp copies what unpack unpacks, in all attributes, also as a tar",
  ...needs({ root: true, tools: ["tar"] }),
  async fn() {
    await using daily = await dailyImage({ mount: false });
    const { temp } = daily;
    const varve = commandOn(temp.join("store"));
    await varve(["unpack", DAILY, temp.join("all")]);
    for (const [i, path] of [...PATHS, "/home/link", "/bin/same"].entries()) {
      // The original and both copies are each in a directory of their own, with the same name.
      const [original, copied, extracted] = ["o", "c", "x"].map((kind) => temp.join(`${kind}${i}`));
      for (const directory of [original, copied, extracted]) await Deno.mkdir(directory as string);
      await run(["cp", "-a", temp.join(`all${path}`), original as string]);
      const { code, stderr } = await varve(["cp", "--quiet", `${DAILY}:${path}`, copied as string]);
      assertEquals([code, stderr], [0, ""], path);
      const tar = await varve(["cp", `${DAILY}:${path}`, "-"]);
      const args = ["--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", "-"];
      await run(["tar", "-C", extracted as string, ...args], { stdin: tar.bytes });
      const listed = [original, copied, extracted].map((directory) =>
        // The directory around the copies is not a part of them.
        [...listDirectory(directory as string)].filter(([path]) => path !== "")
      );
      assertEquals(listed[1], listed[0], path);
      assertEquals(listed[2], listed[0], path);
    }
    await varve(["cp", `${DAILY}:/`, temp.join("root")]);
    assertEquals(listDirectory(temp.join("root")), listDirectory(temp.join("all")));
    const json = JSON.parse(
      (await varve(["cp", `${DAILY}:/home/link/`, temp.join("new"), "--format", "json"])).stdout,
    );
    assertEquals([json.target, json.files], [temp.join("new"), 2]);
    assertEquals(await Deno.readTextFile(temp.join("new/notes")), "new notes\nand more\n");
    // The name is the one that was asked for; with /. the directory has none, and what is in it is copied.
    for (const name of ["asked", "contents"]) await Deno.mkdir(temp.join(name));
    await varve(["cp", `${DAILY}:/home/link/`, temp.join("asked")]);
    assertEquals(listDirectory(temp.join("asked/link")), listDirectory(temp.join("new")));
    for (const name of ["contents", "made"]) {
      const { code, stderr } = await varve(["cp", `${DAILY}:/home/user/.`, temp.join(name)]);
      assertEquals(code, 0, stderr);
      assertEquals(listDirectory(temp.join(name)), listDirectory(temp.join("new")));
    }
    const contents = await varve(["cp", `${DAILY}:/home/user/.`, "-"]);
    const inTar = await run(["tar", "-tf", "-"], { stdin: contents.bytes });
    assertEquals(inTar.stdout.split("\n").slice(0, 2), ["./", "nobody"]);
    // Nothing is left beside the copies.
    const names = Array.from(Deno.readDirSync(temp.path), ({ name }) => name);
    assertEquals(names.filter((name) => name.startsWith(".varve")), []);
  },
});

Deno.test("cp replaces nothing, and says what it cannot copy", async () => {
  await using daily = await dailyImage({ mount: false });
  const { temp } = daily;
  const varve = commandOn(temp.join("store"));
  const file = temp.join("file"), full = temp.join("full");
  await Deno.writeTextFile(file, "mine");
  await Deno.mkdir(`${full}/hosts`, { recursive: true });
  await Deno.writeTextFile(`${full}/hosts/in`, "mine");
  await Deno.mkdir(temp.join("empty"));
  await Deno.symlink("nowhere", temp.join("dangling"));
  for (
    const [source, destination, exit, said] of [
      [`${DAILY}:/etc/hosts`, file, 5, file],
      [`${DAILY}:/etc`, file, 5, file],
      [`${DAILY}:/etc/hosts`, full, 5, "it is not an empty directory"],
      [`${DAILY}:/etc/hosts`, temp.join("dangling"), 5, "symbolic link"],
      [`${DAILY}:/etc/hosts`, temp.join("none/x"), 4, "no such directory"],
      [`${DAILY}:/etc/hosts`, `${file}/x`, 4, "no such directory"],
      [`${DAILY}:/etc/hosts`, temp.join("x/"), 4, "no such directory"],
      [`${DAILY}:/etc/.`, full, 5, "it is not an empty directory"],
      [`${DAILY}:/etc/hosts/.`, temp.join("x"), 4, "/etc/hosts/."],
      [`${DAILY}:/none`, temp.join("x"), 4, "/none"],
      [DAILY, temp.join("x"), 2, "it has no path"],
      [`${DAILY}:/etc`, "work:/etc", 4, "there is no snapshot work"],
      [`${DAILY}:/etc/hosts`, temp.join("store/content/x"), 2, "it would lie in the store"],
    ] as const
  ) {
    const { code, stderr } = await varve(["cp", source, destination]);
    assertEquals(code, exit, stderr);
    assertStringIncludes(stderr, said);
  }
  assertEquals(await Deno.readTextFile(file), "mine");
  // A file does not take the place of an empty directory: it goes into it.
  assertEquals((await varve(["cp", `${DAILY}:/etc/hosts`, temp.join("empty")])).code, 0);
  assertStringIncludes(await Deno.readTextFile(temp.join("empty/hosts")), "localhost");
  const tty = await varve(["cp", `${DAILY}:/etc`, "-"], { terminals: ["stdout"] });
  assertEquals([tty.code, tty.stdout], [2, ""]);
});

Deno.test({
  name: "cp copies what a snapshot has now",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using daily = await dailyImage();
    const { cli, temp } = daily;
    const work = await mountWork(daily);
    await Deno.writeTextFile(`${work}/etc/hosts`, "changed\n");
    await Deno.remove(`${work}/etc/group`);
    await cli.text(["cp", "work:/etc", temp.join("etc")]);
    assertEquals(listDirectory(temp.join("etc")), listDirectory(`${work}/etc`));
    assertEquals(await Deno.readTextFile(temp.join("etc/hosts")), "changed\n");
  },
});
