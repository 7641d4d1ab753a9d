import { assertEquals, assertStringIncludes } from "@std/assert";
import { whyUnusable } from "../support/compile/why_unusable.ts";
import { causeOf } from "../support/compile/native.ts";
import { compileSelfExtracting } from "../support/compile/self_extracting.ts";
import { needs } from "../support/machine/needs.ts";
import { run, runAny } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

/** A program with the shape of varve: an entry, and a worker named by URL two folders up. */
const PROGRAM: Readonly<Record<string, string>> = {
  "deno.json": "{}",
  "lib/cli/main.ts": `
    import { spawn } from "../pool/spawn.ts";
    import "../../workers/layer.ts";
    if (import.meta.main && !("WorkerGlobalScope" in globalThis)) {
      const worker = spawn();
      worker.onmessage = (event: MessageEvent<string>) => {
        console.log("program 9.8.7 says " + event.data + " to " + Deno.args.join("|"));
        worker.terminate();
      };
      worker.postMessage("hello");
    }`,
  "lib/pool/spawn.ts": `
    export const spawn = (): Worker =>
      new Worker(new URL("../../workers/layer.ts", import.meta.url), { type: "module" });`,
  "workers/layer.ts": `
    if ("WorkerGlobalScope" in globalThis) {
      const scope = globalThis as unknown as { onmessage: unknown; postMessage(x: unknown): void };
      scope.onmessage = (event: MessageEvent<string>) => scope.postMessage(event.data + " worker");
    }`,
};

Deno.test("a self-extracting file runs by itself, workers included", async () => {
  await using temp = await tempDir();
  for (const [name, text] of Object.entries(PROGRAM)) {
    const path = temp.join("src", name);
    await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(path, text);
  }
  const file = temp.join("one file");
  await compileSelfExtracting({ root: temp.join("src"), version: "9.8.7" }, file, 1);
  await Deno.remove(temp.join("src"), { recursive: true });
  assertEquals(await whyUnusable(file, "9.8.7"), undefined);
  assertStringIncludes(await whyUnusable(file, "9.8.8") ?? "", "says hello worker");

  const options = {
    clearEnv: true,
    env: { XDG_CACHE_HOME: temp.join("cache"), PATH: "/usr/bin:/bin" },
  };
  // First starts at once: each may unpack, one wins, all run.
  const starts = await Promise.all([1, 2, 3].map((n) => run([file, `a ${n}`, "*"], options)));
  assertEquals(
    starts.map(({ stdout }) => stdout),
    [1, 2, 3].map((n) => `program 9.8.7 says hello worker to a ${n}|*\n`),
  );
  const left = await Array.fromAsync(Deno.readDir(temp.join("cache", "varve")));
  assertEquals(left.length, 1, "an unpacking directory was left");
  const { mode } = await Deno.stat(temp.join("cache", "varve"));
  assertEquals((mode ?? 0) & 0o777, 0o700);

  // Later starts run no other program: each costs CPU, and nothing can be found below this path.
  const later = await run(["/bin/sh", file, "b"], {
    clearEnv: true,
    env: { ...options.env, PATH: temp.join("cache") },
  });
  assertEquals([later.stdout, later.stderr], ["program 9.8.7 says hello worker to b\n", ""]);
});

Deno.test({
  name: "a self-extracting file starts where neither HOME nor a cache can be written",
  ...needs({ root: true, tools: ["setpriv"] }),
  fn: async () => {
    await using temp = await tempDir();
    await Deno.chmod(temp.path, 0o755);
    for (const name of ["src/lib/cli", "src/workers", "tmp", "taken"]) {
      await Deno.mkdir(temp.join(name), { recursive: true });
    }
    await Deno.writeTextFile(temp.join("src/deno.json"), "{}");
    // Deno asks its own server for a later version, unless this variable is set.
    const code =
      'console.log(Deno.umask().toString(8), Deno.args.join("|"), Deno.env.get("DENO_NO_UPDATE_CHECK"));';
    await Deno.writeTextFile(temp.join("src/lib/cli/main.ts"), code);
    const file = temp.join("one");
    await compileSelfExtracting({ root: temp.join("src"), version: "9.8.7" }, file, 1);
    const start = (env: Record<string, string>) =>
      runAny([
        ...["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"],
        ...["sh", "-c", 'umask 022; exec "$@"', "sh", file, "a b"],
      ], { clearEnv: true, env: { PATH: "/usr/bin:/bin", ...env } });
    await Deno.chmod(temp.join("tmp"), 0o1777);
    for (const home of [{ HOME: "/proc", XDG_CACHE_HOME: "/proc" }, { HOME: "/nonexistent" }, {}]) {
      const { code, stdout, stderr } = await start({ ...home, TMPDIR: temp.join("tmp") });
      assertEquals([code, stdout, stderr], [0, "22 a b 1\n", ""]);
    }
    const { uid, mode } = await Deno.stat(temp.join("tmp/varve-65534"));
    assertEquals([uid, (mode ?? 0) & 0o777], [65534, 0o700]);

    // A directory that another user prepared is not used.
    await Deno.mkdir(temp.join("taken/varve-65534/varve"), { recursive: true });
    await Deno.chmod(temp.join("taken/varve-65534"), 0o777);
    const refused = await start({ HOME: "/proc", TMPDIR: temp.join("taken") });
    assertEquals([refused.code, refused.stdout], [12, ""]);
    assertStringIncludes(refused.stderr, "(set XDG_CACHE_HOME)");
  },
});

Deno.test("a file that a compiler made must run before it is used", async () => {
  await using temp = await tempDir();
  // DENORT_BIN can make `deno compile` succeed with a file that is plain Deno.
  assertStringIncludes(await whyUnusable(Deno.execPath(), "9.8.7") ?? "", "fails at `version`");
  const silent = temp.join("silent");
  await Deno.writeTextFile(silent, "#!/bin/sh\nexit 0\n");
  await Deno.chmod(silent, 0o755);
  assertStringIncludes(await whyUnusable(silent, "9.8.7") ?? "", 'says ""');
});

Deno.test("the reason of a failed compilation is the deepest cause", () => {
  const stderr = [
    "error: Writing the executable",
    "",
    "Caused by:",
    "    0: download failed",
    "    1: no route to host",
    "",
    "Stack backtrace:",
    "   0: <unknown>",
  ].join("\n");
  assertEquals(causeOf(stderr), "no route to host");
  assertEquals(causeOf("error: one line\n"), "one line");
  assertEquals(causeOf(""), undefined);
});
