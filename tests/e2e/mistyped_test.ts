/** Mistyped roots, drivers and commands, and sources that never end. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { commandOn, runCommand } from "../support/cli/in_process.ts";
import { archiveTar, buildImage, dockerFiles } from "../support/images/images.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

Deno.test("a verb that reads makes no store where the root is mistyped", async () => {
  await using temp = await tempDir("varve-mistyped-");
  const empty = temp.join("empty");
  await Deno.mkdir(empty);
  for (const root of [temp.join("absent/below"), empty]) {
    for (
      const verb of [
        "images",
        "ps",
        "ls a:1",
        "cat a:1:/x",
        "stat a:1:/x",
        "tree a:1",
        "diff a:1 b:1",
        "inspect a:1",
        "history a:1",
        "layers a:1",
        `export a:1 -o ${temp.join("out")}`,
        `save a:1 -o ${temp.join("out")}`,
        `unpack a:1 ${temp.join("out")}`,
        `mount a:1 ${temp.join("out")}`,
        "push a:1",
        "tag a:1 b:1",
        "rmi a:1",
        "squash a:1 b:1",
        "append a:1 - b:1",
        "rebase a:1 b:1 c:1 d:1",
        "commit key a:1",
        "snapshot ls",
        "snapshot stat key",
        "snapshot prepare key a:1",
        "snapshot view key a:1",
        "config ls",
        "config get workers",
      ]
    ) {
      const { code, stderr } = await runCommand([...verb.split(" "), "--root", root]);
      assertEquals(code, 4, `${verb}: ${stderr}`);
      assertStringIncludes(stderr, `Cannot open store ${root}: there is none`);
    }
  }
  assertEquals((await runCommand(["run", "a:1", "sh"], { env: { VARVE_ROOT: empty } })).code, 125);
  const names = async (path: string) =>
    (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name);
  assertEquals([await names(temp.path), await names(empty)], [["empty"], []]);
  const image = buildImage({ name: "docker.io/library/a:1", layers: [[{ name: "file" }]] });
  const varve = commandOn(temp.join("absent/below"));
  assertEquals((await varve(["load", "-"], { stdin: archiveTar(dockerFiles([image])) })).code, 0);
  assertStringIncludes((await varve(["ls", "a:1"])).stdout, "file");
});

Deno.test("a driver that does not exist is refused, whatever the verb does", async () => {
  await using temp = await tempDir("varve-mistyped-");
  const varve = commandOn(temp.join("store"));
  assertEquals((await varve(["config", "set", "driver", "auto"])).code, 0);
  for (const args of [["--driver", "foo", "images"], ["images", "--driver=Overlay"]]) {
    const { code, stderr } = await varve(args);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, "erofs or overlay or native");
  }
  assertEquals((await varve(["images"], { env: { VARVE_DRIVER: "foo" } })).code, 2);
  assertEquals((await varve(["images", "--driver", "native"])).code, 0);
});

Deno.test("a command that is a broken JSON list is refused, a line for the shell is not", async () => {
  await using temp = await tempDir("varve-mistyped-");
  const varve = commandOn(temp.join("store"));
  const tar = temp.join("a.tar");
  await Deno.writeFile(tar, new Uint8Array(1024));
  for (const option of ["--cmd", "--entrypoint"]) {
    for (const bad of ['["x"', '[ "x", "y"', "['x']", "[x]", '["x", 1]', '["x"] y', ' ["x"']) {
      const { code, stderr } = await varve(["import", tar, "a:1", option, bad]);
      assertEquals(code, 2, bad);
      assertStringIncludes(stderr, option);
    }
    for (
      const [good, words] of [
        ['["x", "y"]', ["x", "y"]],
        ['[ "x" ]', ["x"]],
        ["[ -f /x ] && y", ["/bin/sh", "-c", "[ -f /x ] && y"]],
        ['[ "$x" = y ] && z', ["/bin/sh", "-c", '[ "$x" = y ] && z']],
        ["[[ $x == y ]]", ["/bin/sh", "-c", "[[ $x == y ]]"]],
        ["x y", ["/bin/sh", "-c", "x y"]],
      ] as const
    ) {
      const { code, stderr } = await varve(["import", tar, "a:1", option, good]);
      assertEquals(code, 0, stderr);
      const { config } = JSON.parse((await varve(["inspect", "a:1"])).stdout).config;
      assertEquals(config[option === "--cmd" ? "Cmd" : "Entrypoint"], words);
    }
  }
});

Deno.test("a character device is no source", async () => {
  await using temp = await tempDir("varve-mistyped-");
  const varve = commandOn(temp.join("store"));
  const tar = temp.join("a.tar");
  await Deno.writeFile(tar, new Uint8Array(1024));
  assertEquals((await varve(["import", tar, "a:1"])).code, 0);
  await Deno.symlink("/dev/zero", temp.join("link"));
  for (const device of ["/dev/zero", "/dev/null", temp.join("link")]) {
    for (
      const args of [["load", device], ["import", device, "b:1"], ["append", "a:1", device, "b:1"]]
    ) {
      const { code, stderr } = await varve(args, { signal: AbortSignal.timeout(60_000) });
      assertEquals(code, 2, `${args.join(" ")}: ${stderr}`);
      assertStringIncludes(stderr, `${device}: it is a character device`);
    }
  }
});
