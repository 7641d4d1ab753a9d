/** `varve cat DIR`: a directory of an image as a tar, with everything in it. */
import { assertEquals } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { readTar } from "../support/tar/raw_blocks.ts";
import { listDirectory } from "../support/trees/directory_differences.ts";

const NAME = "example.org/app:1";
const LONG = "long".repeat(40) + "/" + "name".repeat(50) + "/";
const LAYERS = [
  [
    { name: "d/", mode: 0o750, uid: 3, pax: { mtime: "1577836800.123456789" } },
    { name: "d/file", content: "content", mode: 0o4755, uid: 300_000, gid: 2 ** 31 },
    { name: "d/gone", content: "x" },
    { name: "d/old", content: "x", pax: { mtime: "-5.5" } },
    { name: "d/link", target: "../etc/passwd" },
    { name: "d/hard", type: "hardlink", target: "d/file" },
    { name: "d/fifo", type: "fifo" },
    { name: "d/null", type: "char", major: 1, minor: 3 },
    { name: `d/${LONG}`, mode: 0o711 },
    { name: `d/${LONG}name`, content: "deep", xattrs: { "user.k": "v\0v" } },
    { name: "d/\u00e9", content: "not ASCII" },
  ],
  [{ name: "d/.wh.gone" }, { name: "d/upper", target: "file" }],
] as const;
/** An inode whose least name lies outside of the directory. */
const OUTSIDE = [
  { name: "a", content: "linked" },
  { name: "d/z", type: "hardlink", target: "a" },
] as const;

Deno.test("cat of a directory keeps symbolic links, and all else that a tar can hold", async () => {
  await using temp = await tempDir();
  const cli = new Cli(temp.join("store"));
  await Deno.writeFile(
    temp.join("a.tar"),
    archiveTar(ociFiles([buildImage({ name: NAME, layers: [...LAYERS, OUTSIDE] })])),
  );
  await cli.text(["load", temp.join("a.tar")]);
  const { code, stderr, bytes } = await cli.any(["cat", `${NAME}:/d`]);
  assertEquals([code, stderr], [0, ""]);
  const told = readTar(bytes).map((
    { entry: { path, type, linkname }, content },
  ) => [path, type, linkname || content]);
  assertEquals(told.slice(0, 5), [
    ["./", "directory", ""],
    ["fifo", "fifo", ""],
    ["file", "file", "content"],
    ["hard", "hardlink", "file"],
    ["link", "symlink", "../etc/passwd"],
  ]);
  assertEquals(told.slice(-3, -1), [["upper", "symlink", "file"], ["z", "file", "linked"]]);
});

Deno.test({
  name: "cat of a directory, extracted by GNU tar, is that directory",
  ...needs({ root: true, tools: ["tar"] }),
  async fn() {
    await using temp = await tempDir("varve-cat-", "/var/tmp");
    const cli = new Cli(temp.join("store"));
    await Deno.writeFile(
      temp.join("a.tar"),
      archiveTar(ociFiles([buildImage({ name: NAME, layers: LAYERS })])),
    );
    await cli.text(["load", temp.join("a.tar")]);
    await cli.text(["unpack", NAME, temp.join("unpacked")]);
    await Deno.mkdir(temp.join("extracted"));
    const { bytes } = await cli.any(["cat", `${NAME}:/d`]);
    const args = ["--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", "-"];
    await run(["tar", "-C", temp.join("extracted"), ...args], { stdin: bytes });
    assertEquals(listDirectory(temp.join("extracted")), listDirectory(temp.join("unpacked/d")));
  },
});
