/** `varve ls` beside ls(1) over the mounted image, and what else than an image it lists. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DAILY, dailyImage, mountWork } from "../support/cli/mounted_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";

/** Lines with single spaces, without the total of blocks and the sizes of directories, which file systems decide. */
function normal(text: string): string[] {
  return text.split("\n").filter((line) => !/^total /.test(line)).map((line) =>
    line.replace(/ +/g, " ").replace(/^(d\S+ \d+ \S+ \S+) \S+/, "$1").trimEnd()
  );
}

Deno.test({
  name: "ls -l gives the lines of ls over the mounted image, with the names of the image's users",
  ...needs({ root: true, mount: true, tools: ["ls", "chroot"] }),
  async fn() {
    await using daily = await dailyImage();
    const { cli, mounted } = daily;
    /** ls with the users of the image: names of this machine replaced by theirs. */
    const peer = async (flags: string, path: string) => {
      const ls = ["ls", flags, "-n", "--time-style=+%F %T %z", `${mounted}${path}`];
      const { stdout } = await run(ls, { env: { TZ: "UTC", LC_ALL: "C.UTF-8" } });
      const users: Record<string, string> = { 0: "root", 1: "daemon", 1000: "user" };
      const groups: Record<string, string> = { 0: "root", 1: "daemon", 1000: "staff" };
      return stdout.replaceAll(mounted, "").replace(/^:/m, "/:").replace(
        /^([-a-z]\S+ +\d+) +(\d+) +(\d+)/gm,
        (_, head, uid, gid) => `${head} ${users[uid] ?? uid} ${groups[gid] ?? gid}`,
      );
    };
    for (
      const [flags, path] of [
        ["-la", "/etc"],
        ["-lA", "/home/user"],
        ["-lhS", "/bin"],
        ["-lt", "/data"],
        ["-ltr", "/data"],
        ["-lR", "/"],
        ["-laR", "/home"],
        ["-l", "/home/link"],
        ["-l", "/home/link/"],
        ["-ld", "/tmp"],
        ["-l", "/dev"],
        ["-lS", "/run"],
      ] as const
    ) {
      const own = await cli.text(["ls", flags.replace("A", ""), `${DAILY}:${path}`]);
      // GNU ls prints a path that was named as it was typed.
      const wanted = normal(await peer(flags.includes("a") ? flags : `${flags}A`, path))
        .map((line) => line.replace(/ \/(\S+\/)?(link|tmp)( ->.*|$)/, " $2$3"));
      assertEquals(normal(own), wanted, `${flags} ${path}`);
    }
  },
});

Deno.test("ls lists a layer by its short id, with its whiteouts, and refuses an unclear one", async () => {
  await using daily = await dailyImage({ mount: false });
  const { cli } = daily;
  const layers = await cli.json(["layers", DAILY]);
  const top = layers[1].diffId.slice("sha256:".length);
  const lines = await cli.text(["ls", `${top.slice(0, 12)}:/home/user`]);
  assertMatch(lines, /^w-{9} .* gone$/m);
  assertMatch(lines, /^-rw------- 1000:1000 .* notes$/m);
  assertEquals(
    await cli.text(["ls", "-l", `${layers[1].digest}:/data`]),
    await cli.text(["ls", "-l", `sha256:${top}:/data`]),
  );
  const unknown = await cli.any(["ls", "0123456789ab:/"]);
  assertEquals(unknown.code, 4);
  assertStringIncludes(unknown.stderr, "0123456789ab");
  const [json] = await cli.json(["ls", "-l", `${DAILY}:/home/user/nobody`]);
  assertEquals([json.path, json.links, json.user, json.group], [
    "/home/user/nobody",
    1,
    "54321",
    "54322",
  ]);
});

Deno.test({
  name: "the reading verbs take the key of a snapshot, as it is now, before an image of that name",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using daily = await dailyImage();
    const { cli } = daily;
    const work = await mountWork(daily);
    await cli.text(["tag", DAILY, "work"]);
    await Deno.writeTextFile(`${work}/etc/new`, "from the snapshot");
    await Deno.remove(`${work}/etc/hosts`);
    const names = (await cli.json(["ls", "work:/etc"])).map(({ path }: { path: string }) => path);
    assertEquals(names.includes("/etc/new") && !names.includes("/etc/hosts"), true, `${names}`);
    assertEquals(await cli.text(["cat", "work:/etc/new"]), "from the snapshot");
    assertEquals((await cli.json(["stat", "work:/etc/new"])).size, 17);
    assertStringIncludes(await cli.text(["tree", "work:/etc"]), "  new\n");
    assertStringIncludes(await cli.text(["ls", "work:latest:/etc"]), "hosts");
    assertMatch(await cli.text(["ls", "-l", "work:/home"]), / user +staff .* user$/m);
  },
});
