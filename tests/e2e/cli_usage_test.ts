import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { commandOn, runCommand } from "../support/cli/in_process.ts";
import {
  archiveTar,
  blobPath,
  buildImage,
  dockerFiles,
  hybridFiles,
  ociFiles,
} from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { runAny } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const VERBS =
  "load save images tag rmi inspect history layers ls cat stat diff explore tree mount umount unpack fsck verify serve version doctor"
    .split(" ");
const SNAPSHOT = "ls prepare view mounts commit rm stat usage label".split(" ");

Deno.test("every verb explains itself, its JSON and the global options", async () => {
  const { stdout: help, code } = await runCommand(["--help"]);
  assertEquals(code, 0);
  for (const verb of [...VERBS, "snapshot", "config"]) {
    assertMatch(help, new RegExp(`^  ${verb} `, "m"));
  }
  const lines = [
    ...VERBS.map((verb) => [verb]),
    ...SNAPSHOT.map((verb) => ["snapshot", verb]),
    ...["ls", "get", "set"].map((verb) => ["config", verb]),
  ];
  for (const line of lines) {
    const said = await runCommand([...line, "--help"]);
    assertEquals([said.code, said.stderr], [0, ""]);
    assertStringIncludes(said.stdout, `Usage: varve ${line.join(" ")} `);
    assertStringIncludes(said.stdout, "--root <dir>");
    if (line[0] !== "cat") assertMatch(said.stdout, /JSON/);
  }
});

Deno.test("a wrong command line: exit 2, a hint, and no store is opened", async () => {
  const cases: [args: string[], message: RegExp][] = [
    [["lod", "x"], /unknown command 'lod' \(Did you mean load\?\)/],
    [["snapshot", "lss"], /Did you mean ls\?/],
    [["load"], /missing required argument 'source'/],
    [["load", "a", "b"], /too many arguments/],
    [["load", "a", "--plattform", "x"], /unknown option '--plattform'.*Did you mean --platform\?/],
    [["load", ""], /argument 'source' is empty/],
    [["tag", "a", ""], /argument 'destination' is empty/],
    [["rmi", "a", ""], /argument 'ref' is empty/],
    [["load", "a", "--name", ""], /option --name is empty/],
    [["images", "--root", ""], /--root: it is empty/],
    [["images", "--format", "xml"], /"xml" for --format: give text or json/],
    [["--workers", "many", "images"], /"many" for --workers: give a number from 1 to 256/],
    [["load", "a", "--platform", "no such"], /platform/],
    [["tag", "a:1", "b@sha256:" + "0".repeat(64)], /a digest cannot be assigned/],
    [["tag", "a:1", "BAD NAME"], /image name/],
    [["save", "a:1", "-o", "x", "--oci-dir", "y"], /a file and a directory at once/],
  ];
  const env = { VARVE_ROOT: "/dev/null/none" };
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await runCommand(args, { env });
    assertEquals([code, stdout], [2, ""], `${args}: ${stderr}`);
    assertMatch(stderr, message);
    assertMatch(stderr, /^varve: [^\n]+\n$/);
    if (args.includes("--format")) continue;
    const json = await runCommand(["--format=json", ...args], { env });
    assertEquals(JSON.parse(json.stderr).error.code, "E_USAGE");
  }
});

Deno.test("without a verb, help is printed on standard error", async () => {
  for (const args of [[], ["snapshot"], ["config"], ["--quiet"]]) {
    const { code, stdout, stderr } = await runCommand(args);
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, /^Usage: varve/);
  }
  assertMatch((await runCommand(["--version"])).stdout, /^\d+\.\d+\.\d+\n$/);
});

Deno.test("names, files and snapshots that do not exist, exist already, or are in use", async () => {
  await using temp = await tempDir();
  const on = commandOn(temp.join("store"));
  const archive = (name: string) => temp.join(name);
  await Deno.writeFile(archive("a.tar"), archiveTar(ociFiles([sampleImage()])));
  const other = buildImage({ name: "example.org/b:1", layers: [[{ name: "b", content: "b" }]] });
  await Deno.writeFile(archive("two.tar"), archiveTar(hybridFiles([sampleImage(), other])));
  await Deno.writeTextFile(archive("text"), "no archive, but as long as one\n".repeat(40));
  await Deno.mkdir(archive("directory"));
  await Deno.writeTextFile(archive("directory/file"), "");
  assertEquals((await on(["load", archive("two.tar"), "--quiet"])).code, 0);
  assertEquals((await on(["snapshot", "prepare", "work", "--driver", "native"])).code, 0);
  // The scope of the user's own snapshots is empty: as text it is left out.
  const stat = ["snapshot", "stat", "work", "--driver", "native"];
  assertEquals(JSON.parse((await on([...stat, "--format", "json"])).stdout).scope, "");
  assertMatch((await on(stat)).stdout, /^key {8}work\nkind {7}active\n/);
  const A = "example.org/sample:1";
  const cases: [args: string[], code: number, message: RegExp][] = [
    [["load", archive("none")], 4, /there is no such file/],
    [["load", archive("text/none")], 4, /there is no such file/],
    [["load", archive("directory")], 7, /holds neither an OCI layout/],
    [["load", archive("text")], 7, /Cannot/],
    [["load", "-"], 7, /standard input/],
    [["load", archive("two.tar"), "--name", "x:1"], 2, /it holds 2 images/],
    [["load", archive("a.tar"), "--platform", "linux/arm64"], 7, /for another platform/],
    [["tag", "none", "b:1"], 4, /'varve images' lists them/],
    [["rmi", A, "none"], 4, /none/],
    [["inspect", "none"], 4, /none/],
    [["ls", `${A}:/none`], 4, /no such path/],
    [["ls", `${A}:/opt/app/x`], 4, /no such path/],
    [["cat", `${A}:/run/pipe`], 2, /it is a fifo/],
    [["tree", `${A}:/opt/app`], 2, /not a directory/],
    [["tree", A, "--depth", "0"], 2, /above 0/],
    [["diff", A, "none"], 4, /none/],
    [["save", "none", "-o", archive("x")], 4, /none/],
    [["save", A, "-o", archive("none/x")], 4, /no such directory/],
    [["save", A, "-o", archive("directory")], 5, /it is a directory/],
    [["save", A, "--oci-dir", archive("directory")], 5, /it is not empty/],
    [["save", A, "--oci-dir", archive("text")], 5, /it is a file/],
    [["unpack", A, archive("directory")], 5, /not an empty directory/],
    [["unpack", A, archive("none/x")], 4, /no such directory/],
    [["umount", archive("directory")], 4, /nothing of this store is mounted/],
    [["snapshot", "prepare", "work", "--driver", "native"], 5, /work/],
    [["snapshot", "rm", "none"], 4, /none/],
    [["snapshot", "label", "work", "novalue"], 2, /KEY=VALUE/],
    [["config", "get", "none"], 2, /lists them/],
    [["config", "set", "workers", "0"], 2, /from 1 to 256/],
    [["snapshot", "ls", "--driver", "none"], 2, /overlay or native/],
  ];
  for (const [args, code, message] of cases) {
    const said = await on(args);
    assertEquals([said.code, said.stdout], [code, ""], `${args}: ${said.stderr}`);
    assertMatch(said.stderr, message);
    assertMatch(said.stderr, /^varve: Cannot [^\n]+\n$/);
  }
  const { stdout } = await on(["images", "--format", "json"]);
  assertEquals(JSON.parse(stdout).map(({ name }: { name: string }) => name), [
    "example.org/b:1",
    A,
  ]);
  const terminal = { terminals: ["stdin", "stdout"] } as const;
  for (const args of [["save", A], ["load", "-"], ["cat", `${A}:/etc`]]) {
    const said = await on(args, terminal);
    assertEquals([said.code, /terminal/.test(said.stderr)], [2, true]);
  }
  assertEquals(
    (await on(["tree", A], { closed: true })).code,
    0,
    "a tree that takes one write is written whole",
  );
});

Deno.test("a compressed docker-archive gives the same image each time it is loaded", async () => {
  await using temp = await tempDir();
  const on = commandOn(temp.join("store"));
  const packed = temp.join("packed.tar");
  await Deno.writeFile(packed, archiveTar(dockerFiles([sampleImage()])));
  await Deno.writeFile(
    temp.join("plain.tar"),
    archiveTar(dockerFiles([sampleImage({ packing: "none" })])),
  );
  const manifest = async (args: string[]) => {
    const said = await on(["load", ...args, "--quiet", "--format", "json"], {
      stdin: await Deno.readFile(packed),
    });
    assertEquals(said.code, 0, said.stderr);
    return JSON.parse(said.stdout).images[0].manifest;
  };
  await manifest([temp.join("plain.tar")]);
  const first = await manifest([packed]);
  assertEquals([await manifest([packed]), await manifest(["-"])], [first, first]);
});

Deno.test({
  name: "settings take effect, and options override them",
  // doctor tries the libraries of this machine, and an open library stays open.
  sanitizeResources: false,
  fn: async () => {
    await using temp = await tempDir();
    const on = commandOn(temp.join("store"));
    const archive = temp.join("a.tar");
    await Deno.writeFile(archive, archiveTar(ociFiles([sampleImage()])));
    for (
      const [key, value, code] of [
        ["limits.layer.entries", "3", 8],
        ["limits.layerBytes", "4096", 8],
        ["limits.oci.layers", "2", 8],
        ["limits.oci.config", "100", 8],
      ] as const
    ) {
      await on(["config", "set", key, value]);
      const said = await on(["load", archive, "--quiet", "--format", "json"]);
      assertEquals([said.code, JSON.parse(said.stderr).error.setting], [code, key], said.stderr);
      await on(["config", "set", key]);
    }
    await on(["config", "set", "driver", "native"]);
    const doctor = async (args: string[] = [], env = {}) =>
      JSON.parse((await on(["doctor", "--format", "json", ...args], { env })).stdout);
    assertEquals((await doctor()).driver, "native");
    assertEquals((await doctor(["--driver", "overlay"])).driver, "overlay");
    assertEquals((await doctor([], { VARVE_DRIVER: "overlay" })).driver, "overlay");
    await on(["config", "set", "durability", "none"]);
    assertEquals((await doctor([], { VARVE_DURABILITY: "" })).store.durability, "none");
    assertEquals((await doctor(["--durability", "full"])).store.durability, "full");
    assertEquals((await on(["load", archive, "--quiet"])).code, 0);
  },
});

Deno.test("a damaged image is listed with a warning and can be removed", async () => {
  await using temp = await tempDir();
  const on = commandOn(temp.join("store"));
  const image = sampleImage();
  await on(["load", "-", "--quiet"], { stdin: archiveTar(ociFiles([image])) });
  const config = temp.join("store/content", blobPath(image.imageId));
  await Deno.chmod(config, 0o600);
  await Deno.writeTextFile(config, "{}");
  const name = "example.org/sample:1";
  const { code, stdout, stderr } = await on(["images"]);
  assertEquals(code, 0);
  assertMatch(stdout, /^example\.org\/sample:1 +damaged/m);
  assertMatch(stderr, /^varve: warning: example\.org\/sample:1: Cannot [^\n]+\n$/);
  assertEquals([3, 7].includes((await on(["layers", name])).code), true);
  assertEquals((await on(["rmi", name])).stdout, `${name}\n`);
  assertEquals((await on(["images", "--format", "json"])).stdout, "[]\n");
});

Deno.test({
  name: "an image that is mounted keeps its name until it is unmounted",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    await using temp = await tempDir();
    const cli = new Cli(temp.join("store"));
    const name = "example.org/sample:1";
    await cli.text(["load", "-"], { stdin: archiveTar(ociFiles([sampleImage()])) });
    await Deno.mkdir(temp.join("mnt"));
    await cli.text(["mount", name, temp.join("mnt"), "--rw", "work"]);
    assertEquals(await Deno.readTextFile(temp.join("mnt/opt/app")), "now a file");
    for (const args of [["rmi", name], ["snapshot", "rm", "work"]]) {
      const { code, stderr } = await cli.any(args);
      assertEquals(code, 6, stderr);
      assertStringIncludes(stderr, `varve umount ${temp.join("mnt")}`);
    }
    await cli.text(["umount", temp.join("mnt")]);
    // A key that is given twice is removed once.
    assertEquals((await cli.json(["snapshot", "rm", "work", "work"])).removed, ["work"]);
    await cli.text(["rmi", name]);
  },
});

Deno.test("the program takes options on both sides of the verb, and saves the same bytes to standard output and to a file", async () => {
  await using temp = await tempDir();
  const cli = new Cli(temp.join("store"));
  const image = sampleImage();
  const { images } = await cli.json(["--quiet", "load", "-"], {
    stdin: archiveTar(ociFiles([image])),
  });
  assertEquals(images[0].imageId, image.imageId);
  const { bytes } = await cli.any(["save", "example.org/sample:1", "--quiet"]);
  await cli.text(["save", "example.org/sample:1", "-o", temp.join("a.tar")]);
  assertEquals(bytes, await Deno.readFile(temp.join("a.tar")));
});

Deno.test("a variable that is not UTF-8: exit 2 and its name, not a stack", async () => {
  await using temp = await tempDir();
  const cli = new Cli(temp.join("store"));
  for (
    const [name, args] of [
      ["VARVE_ROOT", ["images"]],
      ["HTTPS_PROXY", ["tags", "localhost:1/x"]],
    ] as const
  ) {
    const set = `export ${name}="$(printf '\\377')"; exec "$@"`;
    const { code, stdout, stderr } = await runAny(["sh", "-c", set, "sh", ...cli.command(args)]);
    const said = `varve: Cannot read the variable ${name}: its value is not UTF-8\n`;
    assertEquals([code, stdout, stderr], [2, "", said]);
  }
});

Deno.test("a word that is not UTF-8 is refused: it would name another file", async () => {
  await using temp = await tempDir();
  const cli = new Cli(temp.join("store"));
  await Deno.mkdir(temp.join("root"));
  await cli.text(["import", temp.join("root"), "app:1"]);
  const out = temp.join("\ufffd");
  // The shell's printf makes the byte.
  const run = async (word: string, ...args: string[]) =>
    await runAny(
      ["sh", "-c", `exec "$@" "$(printf '${word}')"`, "sh", ...cli.command(args)],
      { env: { VARVE_ROOT: temp.join("store") } },
    );
  const bytes = `${temp.join("")}\\377`;
  for (const args of [["unpack", "app:1"], ["save", "app:1", "-o"], ["load"]]) {
    const { code, stdout, stderr } = await run(bytes, ...args);
    assertEquals([code, stdout], [2, ""], stderr);
    assertStringIncludes(stderr, `the word ${out} is not UTF-8`);
  }
  // That character itself can be a part of a name.
  const { code, stderr } = await run(`${temp.join("")}\\357\\277\\275`, "unpack", "app:1");
  assertEquals(code, 0, stderr);
  assertEquals((await Deno.stat(out)).isDirectory, true);
});
