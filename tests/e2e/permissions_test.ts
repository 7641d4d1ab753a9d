/** The command and the library with scoped permissions, in place of `-A`. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import deno from "../../deno.json" with { type: "json" };
import { MAIN } from "../support/cli/cli.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { run, runAny, type RunResult } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

/** Runs the command with certain permissions, and none else. */
function varve(flags: readonly string[], args: readonly string[]): Promise<RunResult> {
  const env = { NO_COLOR: "1", VARVE_DURABILITY: "none" };
  const program = [Deno.execPath(), "run", "--quiet", "--no-check", "--no-prompt", ...flags, MAIN];
  return runAny([...program, ...args], { env });
}

/** A store with one image, and the permissions for it alone. */
async function storeWithImage(path: string): Promise<{ root: string; flags: string[] }> {
  const root = `${path}/store`;
  const archive = `${path}/app.tar`;
  const image = buildImage({ name: "example.org/app:1", layers: [[{ name: "f" }]] });
  await Deno.writeFile(archive, archiveTar(ociFiles([image])));
  assertEquals((await varve(["-A"], ["--root", root, "load", archive])).code, 0);
  const flags = [
    "--allow-env=VARVE_*",
    "--allow-sys=uid",
    `--allow-read=${root}`,
    `--allow-write=${root}`,
  ];
  return { root, flags };
}

/** Asserts that a command is refused for want of a permission, and that its hint names the flag. */
function assertDenied({ code, stderr }: RunResult, flag: string): void {
  assertEquals(code, 11, stderr);
  assertStringIncludes(stderr, flag);
  assertMatch(stderr, /^varve: Cannot .*\(run Deno with .*\)\n$/);
}

Deno.test("a store opens again with permission for itself alone, and each flag that is missing is named", async () => {
  await using temp = await tempDir();
  const { root, flags } = await storeWithImage(temp.path);
  for (let time = 0; time < 2; time++) {
    const { code, stdout, stderr } = await varve(flags, ["--root", root, "images"]);
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, "example.org/app:1");
  }
  for (const flag of flags) {
    const others = flags.filter((other) => other !== flag);
    const shown = flag.startsWith("--allow-env") ? "--allow-env='VARVE_*'" : flag;
    assertDenied(await varve(others, ["--root", root, "images"]), shown);
  }
  const none = await varve(["--allow-env=VARVE_*"], ["--root", root, "images"]);
  assertDenied(none, flags.slice(2).join(" "));
});

Deno.test("a new store needs permission for its own directory alone", async () => {
  await using temp = await tempDir();
  const { root, flags } = await storeWithImage(temp.path);
  const other = flags.map((flag) => flag.replace(root, `${root}2,${temp.join("app.tar")}`));
  const { code, stderr } = await varve(other, ["--root", `${root}2`, "load", temp.join("app.tar")]);
  assertEquals(code, 0, stderr);
});

Deno.test("the version and the help need no permission", async () => {
  for (const args of [["--version"], ["--help"], ["load", "--help"], ["registry", "--help"]]) {
    const { code, stderr } = await varve([], args);
    assertEquals([code, stderr], [0, ""], args.join(" "));
  }
});

Deno.test("importing any entry point needs no permission", async () => {
  await using temp = await tempDir();
  const imports = Object.values(deno.exports).map((path) =>
    `import ${JSON.stringify(import.meta.resolve(`../../${path}`))};`
  );
  const main = new URL("../../mod.ts", import.meta.url).pathname;
  const program = temp.join("imports.ts");
  await Deno.writeTextFile(program, [...imports, `console.log("imported");`].join("\n"));
  const config = main.replace(/mod\.ts$/, "deno.json");
  const args = ["run", "--quiet", "--no-check", "--no-prompt", "--config", config, program];
  const { stdout, stderr } = await runAny([Deno.execPath(), ...args]);
  assertEquals([stdout, stderr], ["imported\n", ""]);
});

Deno.test("files outside of the store, the registry and its settings: each flag that is missing is named", async () => {
  await using temp = await tempDir();
  const { root, flags } = await storeWithImage(temp.path);
  const run = (args: readonly string[], more: readonly string[] = []) =>
    varve([...flags, ...more], ["--root", root, ...args]);
  const tar = temp.join("app.tar");
  assertDenied(await run(["load", tar]), `--allow-read=${tar}`);
  assertDenied(await run(["save", "example.org/app:1", "-o", tar]), `--allow-read=${tar}`);
  assertDenied(await run(["pull", "127.0.0.1:9/app:1"]), "--allow-env=");
  const listen = await run(["registry", "serve", "--listen", "127.0.0.1:0"]);
  assertDenied(listen, "--allow-net=127.0.0.1:0");
  const environment = ["--allow-env"];
  const files = await varve(
    [...flags.slice(1), ...environment],
    ["--root", root, "pull", "127.0.0.1:8/app:1"],
  );
  assertDenied(files, "--allow-read=");
  const net = await varve(
    [flags[1] as string, flags[3] as string, "--allow-read", ...environment],
    ["--root", root, "pull", "127.0.0.1:8/app:1"],
  );
  assertDenied(net, "--allow-net=127.0.0.1:8");
});

Deno.test({
  name: "system calls need permission for libc alone, also to mount, to unmount and to run",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using temp = await tempDir();
    const { root, flags } = await storeWithImage(temp.path);
    const target = temp.join("mnt");
    await Deno.mkdir(target);
    const libc = `/lib/${Deno.build.arch}-linux-gnu/libc.so.6`;
    const verbs = [
      ["mount", "example.org/app:1", target],
      ["mount"],
      ["umount", target],
    ];
    for (const verb of verbs) {
      assertDenied(await varve(flags, ["--root", root, "--quiet", ...verb]), `--allow-ffi=${libc}`);
      const { code, stderr } = await varve(
        [...flags, `--allow-ffi=${libc}`],
        ["--root", root, ...verb],
      );
      assertEquals([code, stderr], [0, ""], verb.join(" "));
    }
    const container = ["--root", root, "run", "--rm", "example.org/app:1", "sh"];
    const environment = [...flags.slice(1), "--allow-env"];
    const { code, stderr } = await varve([...environment, `--allow-ffi=${libc}`], container);
    assertEquals(code, 125);
    assertMatch(stderr, /^varve: Cannot .*\(run Deno with --allow-run\)\n$/);
  },
});

Deno.test({
  name: "a store on a read-only file system opens with -A, and says so without",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using temp = await tempDir();
    const { root } = await storeWithImage(temp.path);
    const same = temp.join("same");
    await Deno.mkdir(same);
    await run(["mount", "--bind", root, same]);
    await run(["mount", "-o", "remount,bind,ro", same]);
    const all = await varve(["-A"], ["--root", same, "images"]);
    assertEquals([all.code, all.stderr], [0, ""]);
    const flags = ["--allow-env", "--allow-sys", "--allow-read", "--allow-write", "--allow-ffi"];
    assertDenied(await varve(flags, ["--root", same, "images"]), "-A");
  },
});

Deno.test("the library: a store in memory needs no permission, one on disk names all that are missing", async () => {
  await using temp = await tempDir();
  const image = buildImage({ name: "example.org/app:1", layers: [[{ name: "f" }]] });
  const module = JSON.stringify(import.meta.resolve("../../mod.ts"));
  const program = temp.join("program.ts");
  await Deno.writeTextFile(
    program,
    `import * as varve from ${module};
     await using store = varve.openMemoryStore();
     await using pool = varve.createPool({ inline: true });
     const bytes = Uint8Array.fromBase64("${archiveTar(ociFiles([image])).toBase64()}");
     const [loaded] = await varve.loadImages(store, new Blob([bytes]).stream(), { pool });
     console.log(loaded?.names[0]);
     const error = await varve.openStore({ root: "/s" }).then(() => undefined, (error) => error);
     console.log(error.code, error.details.hint);`,
  );
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const options = ["--quiet", "--no-check", "--no-prompt", "--no-lock", "--config", config];
  const { stdout, stderr } = await runAny([Deno.execPath(), "run", ...options, program]);
  assertEquals(stderr, "");
  assertEquals(
    stdout,
    "example.org/app:1\nE_DENIED run Deno with --allow-read=/s --allow-write=/s --allow-sys=uid\n",
  );
});

Deno.test("the library: every function that lacks a permission throws E_DENIED with the flag", async () => {
  await using temp = await tempDir();
  const { root } = await storeWithImage(temp.path);
  const program = temp.join("program.ts");
  const calls = [
    ["loadImages(store, OUTSIDE)", "--allow-read=OUTSIDE"],
    ["saveToFile(store, [APP], OUTSIDE)", "--allow-read=OUTSIDE"],
    ["saveToDirectory(store, [APP], OUTSIDE)", "--allow-read=OUTSIDE"],
    ["importImage(store, OUTSIDE, { name: 'b:1' })", "--allow-read=OUTSIDE"],
    ["appendImage(store, APP, OUTSIDE, { name: 'b:1' })", "--allow-read=OUTSIDE"],
    ["importDirectory(store, OUTSIDE, { name: 'b:1' })", "--allow-ffi"],
    ["unpackImage(store, APP, OUTSIDE)", "--allow-ffi"],
    ["mountImage(store, APP, OUTSIDE)", "--allow-ffi"],
    ["unmountImage(store, OUTSIDE)", "--allow-ffi"],
    ["createSnapshotter(store, { driver: 'native' }).prepare('key')", "--allow-ffi"],
    ["pullImage(store, '127.0.0.1:8/a:1')", "--allow-net=127.0.0.1:8"],
    ["pullImage(store, 'registry.example.org/a:1')", "--allow-net=registry.example.org:443"],
    ["pushImage(store, APP, '127.0.0.1:8/a:1')", "--allow-net=127.0.0.1:8"],
    ["copyImage('127.0.0.1:8/a:1', '127.0.0.1:8/b:1')", "--allow-net=127.0.0.1:8"],
    ["serveRegistry(store)", "--allow-net=127.0.0.1:0"],
    ["openStore({ root: OUTSIDE })", "--allow-read=OUTSIDE --allow-write=OUTSIDE"],
    [
      "loadClientConfig('a.b', undefined, varve.defaultClientOptions((name) => name === 'HOME' ? OUTSIDE : undefined))",
      "--allow-read=OUTSIDE/.config/varve/certs.d,/etc/containerd/certs.d,OUTSIDE/.docker/config.json",
    ],
  ] as const;
  await Deno.writeTextFile(
    program,
    [
      `import * as varve from ${JSON.stringify(import.meta.resolve("../../mod.ts"))};`,
      `const [APP, OUTSIDE] = ["example.org/app:1", "/outside"];`,
      `await using store = await varve.openStore({ root: ${JSON.stringify(root)} });`,
      `const code = (error) => [error.code, error.details?.hint];`,
      `const said = [];`,
      ...calls.map(([call]) =>
        `said.push(await (async () => varve.${call})().then(() => "it succeeds", code));`
      ),
      `console.log(JSON.stringify(said));`,
    ].join("\n"),
  );
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const options = ["--quiet", "--no-check", "--no-prompt", "--no-lock", "--config", config];
  const flags = ["--allow-sys=uid", `--allow-read=${root}`, `--allow-write=${root}`];
  const { stdout, stderr } = await runAny(
    [Deno.execPath(), "run", ...options, ...flags, program],
    { env: { NO_COLOR: "1" } },
  );
  assertEquals(stderr, "");
  const said: [string, string | undefined][] = JSON.parse(stdout);
  for (const [i, [call, flag]] of calls.entries()) {
    const [code, hint = ""] = said[i] ?? [];
    assertEquals(code, "E_DENIED", call);
    assertStringIncludes(hint, `run Deno with ${flag.replaceAll("OUTSIDE", "/outside")}`, call);
  }
});
