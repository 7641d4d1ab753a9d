/** `varve diff` beside diff(1) over the unpacked images, with paths, sizes, reasons and contents. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Cli } from "../support/cli/cli.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { DAILY, dailyImage, mountWork } from "../support/cli/mounted_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run, runAny } from "../support/machine/process.ts";
import type { TempDir } from "../support/machine/temp_dir.ts";
import { type TarFixture, tarOf } from "../support/tar/tar_fixture.ts";

const OTHER = "example.org/daily:2";
const CHANGES: readonly TarFixture[] = [
  { name: "etc/hosts", content: "127.0.0.1 localhost\n::1 ip6-localhost" },
  { name: "etc/new dir/" },
  { name: "etc/new dir/a", content: "one\ntwo\n" },
  { name: "etc/.wh.group" },
  { name: "data/.wh.deep" },
  { name: "data/binary", content: new Uint8Array([1, 0, 2]) },
  { name: "data/two words", content: "no newline at the end\n" },
  { name: "data/ünï", content: "ünïcode LOCALHOST\nzwei: é\n", xattrs: { "user.tag": "b" } },
  { name: "bin/sh", target: "group" },
  { name: "home/user/notes", content: "new notes\nand more\n", uid: 0, gid: 1000, mode: 0o644 },
  { name: "home/link/" },
  { name: "home/link/in", content: "a directory now\n" },
  { name: "etc/empty2", content: "" },
];

/** Adds an image with more layers. */
async function append(cli: Cli, temp: TempDir): Promise<void> {
  const tar = temp.join("changes.tar");
  await Deno.writeFile(tar, tarOf(CHANGES));
  await cli.text(["append", DAILY, tar, OTHER]);
}

Deno.test({
  name:
    "diff gives the paths whose contents diff(1) finds different, and patch(1) applies --content",
  ...needs({ root: true, tools: ["diff", "patch"] }),
  async fn() {
    await using daily = await dailyImage({ mount: false });
    const { cli, temp } = daily;
    await append(cli, temp);
    await cli.text(["unpack", DAILY, temp.join("a")]);
    await cli.text(["unpack", OTHER, temp.join("b")]);
    const compare = ["diff", "-rq", "--no-dereference", "a", "b"];
    const { stdout } = await runAny(compare, { cwd: temp.path, env: { LC_ALL: "C.UTF-8" } });
    // diff(1) calls devices and FIFOs different, whatever they are.
    const lines = stdout.trimEnd().split("\n").filter((line) => !/special file|fifo/.test(line));
    const wanted = lines.map((line) => {
      const [, side, directory, name] = /^Only in ([ab])([^:]*): (.*)$/.exec(line) ?? [];
      if (side !== undefined) return `${side === "a" ? "delete" : "add"} ${directory}/${name}`;
      const changed = / a(\/.*) (?:and|is a .* while .*) (?:file )?b\//.exec(line) ??
        / a(\/.*) is a /.exec(line);
      return `modify ${changed?.[1]}`;
    }).sort();
    const own = await cli.json(["diff", DAILY, OTHER]);
    const added = new Set<string>();
    const found = own.flatMap(
      ({ kind, path, why }: { kind: string; path: string; why: string[] }) => {
        if (kind === "add") added.add(path);
        // diff(1) compares contents only, and names only the topmost of what was added.
        const parent = path.slice(0, path.lastIndexOf("/"));
        const isTopmost = kind !== "add" || !added.has(parent) && parent !== "/home/link";
        const isContent = kind !== "modify" ||
          why.some((one) => /^(content|target|type)/.test(one));
        return isTopmost && isContent ? [`${kind} ${path}`] : [];
      },
    ).sort();
    assertEquals(found, wanted);
    // Contents: binary files and symbolic links are not in a patch.
    const { bytes, code } = await cli.any(["diff", "--content", DAILY, OTHER]);
    assertEquals(code, 0);
    assertStringIncludes(
      new TextDecoder().decode(bytes),
      "Files a/data/binary and b/data/binary differ",
    );
    await run(["patch", "-p1", "-d", temp.join("a")], { stdin: bytes });
    for (const path of ["etc/hosts", "etc/new dir/a", "data/two words", "data/ünï"]) {
      assertEquals(
        await Deno.readTextFile(temp.join(`a/${path}`)),
        await Deno.readTextFile(temp.join(`b/${path}`)),
        path,
      );
    }
    for (const gone of ["etc/group", "data/deep/er/big"]) {
      assertEquals(
        await Deno.lstat(temp.join(`a/${gone}`)).catch((error) => error.name),
        "NotFound",
      );
    }
  },
});

Deno.test("diff --stat, --name-only, --exit-code, and paths on both sides", async () => {
  await using daily = await dailyImage({ mount: false });
  await append(daily.cli, daily.temp);
  const varve = commandOn(daily.temp.join("store"));
  const lines = async (...args: string[]) => {
    const { code, stdout, stderr } = await varve(["diff", ...args]);
    assertEquals([code, stderr], [0, ""]);
    return stdout.split("\n").slice(0, -1);
  };
  const stat = await lines("--stat", DAILY, OTHER);
  for (
    const line of [
      "M /bin/sh  +1 B  target",
      "D /data/deep  +0 B",
      "D /data/deep/er/big  -320.0 kB",
      "A /etc/new dir/a  +8 B",
      "M /etc/hosts  +3 B  content",
      "M /home/user/notes  +0 B  mode 0600 -> 0644, owner 1000:1000 -> 0:1000",
      "M /home/link  -4 B  type symlink -> directory",
      "M /data/ünï  +9 B  content, xattr user.tag",
    ]
  ) {
    assertEquals(stat.includes(line), true, `${line}\n${stat.join("\n")}`);
  }
  assertEquals(stat.at(-1), "4 added, 7 modified, 5 deleted: +38 B, -320.1 kB");
  assertEquals(await lines("--name-only", `${DAILY}:/etc`, `${OTHER}:/etc`), [
    "/etc/empty2",
    "/etc/group",
    "/etc/hosts",
    "/etc/new dir",
    "/etc/new dir/a",
  ]);
  assertEquals(await lines(`${DAILY}:/bin/tool`, `${OTHER}:/bin/tool`), []);
  // Other paths than each other: those of the changes begin at the sides.
  assertEquals(await lines(`${OTHER}:/etc/new dir`, `${OTHER}:/home/link`), [
    "D /a",
    "A /in",
  ]);
  const content = await lines("--content", `${OTHER}:/etc/new dir/a`, `${OTHER}:/home/link/in`);
  assertEquals(content.slice(-4), ["@@ -1,2 +1,1 @@", "-one", "-two", "+a directory now"]);
  const [, layer] = JSON.parse((await varve(["layers", DAILY, "--format", "json"])).stdout);
  assertEquals(await lines(DAILY), await lines("--", `${DAILY}`));
  assertEquals((await lines(layer.diffId.slice(7, 19))).includes("A /data/deep/small"), true);
  const exit = async (...args: string[]) => (await varve(["diff", "--exit-code", ...args])).code;
  assertEquals(await exit(DAILY, OTHER), 13);
  assertEquals(await exit(DAILY, DAILY), 0);
  assertEquals(await exit("--content", DAILY, OTHER), 13);
  assertEquals(await exit("--name-only", `${DAILY}:/tmp`, `${OTHER}:/tmp`), 0);
  assertEquals(await exit("--stat", "--name-only", DAILY, OTHER), 2);
  const json = JSON.parse(
    (await varve(["diff", "--content", "--format", "json", DAILY, OTHER])).stdout,
  ).find(({ path }: { path: string }) => path === "/etc/hosts");
  assertEquals([json.why, json.bytes], [["content"], 3]);
  assertStringIncludes(
    json.content,
    "\n-::1 localhost\n+::1 ip6-localhost\n\\ No newline at end of file\n",
  );
});

Deno.test({
  name: "diff of a snapshot with its parent shows contents, too",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using daily = await dailyImage();
    const { cli } = daily;
    const work = await mountWork(daily);
    assertEquals(await cli.text(["diff", "--content", "work"]), "");
    await Deno.writeTextFile(`${work}/etc/hosts`, "changed\n");
    await Deno.remove(`${work}/etc/group`);
    const content = await cli.text(["diff", "--content", "work:/etc"]);
    assertStringIncludes(content, "--- a/etc/hosts\n+++ b/etc/hosts\n");
    assertStringIncludes(content, "\n-127.0.0.1 localhost\n-::1 localhost\n+changed\n");
    assertStringIncludes(content, "--- a/etc/group\n+++ /dev/null\n");
    assertEquals((await cli.any(["diff", "--exit-code", "work"])).code, 13);
    const stat = await cli.text(["diff", "--stat", "work"]);
    assertStringIncludes(stat, "0 added, 2 modified, 1 deleted");
  },
});
