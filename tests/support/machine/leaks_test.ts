import { assertEquals, assertStringIncludes } from "@std/assert";
import { leakTest } from "./leaks.ts";
import { needs } from "./needs.ts";
import { runAny } from "./process.ts";
import { tempDir } from "./temp_dir.ts";
import { DEADLINE } from "./wait.ts";

const SUPPORT = new URL("./", import.meta.url);
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;

/** Runs one leak test with the given body in a file of its own; `patience` is as in leaks.ts. */
async function runBody(
  body: string,
  patience: number = DEADLINE,
): Promise<{ code: number; text: string }> {
  await using temp = await tempDir();
  const source = `
    import { leakTest } from ${JSON.stringify(new URL("leaks.ts", SUPPORT).href)};
    leakTest("a (test) with \\"marks\\" – é", async () => { ${body} });
    Deno.test("another", () => { throw new Error("must not run in the child"); });`;
  await Deno.writeTextFile(temp.join("body_test.ts"), source);
  const args = ["test", "-A", "--no-check", "--no-lock", "--config", CONFIG, "--filter", "marks"];
  const result = await runAny([Deno.execPath(), ...args, temp.join("body_test.ts")], {
    env: { NO_COLOR: "1", VARVE_LEAK_PATIENCE: `${patience}` },
  });
  return { code: result.code, text: result.stdout + result.stderr };
}

leakTest("nothing is left behind by a test that cleans up", async () => {
  await using temp = await tempDir();
  using file = await Deno.create(temp.join("file"));
  await file.write(new Uint8Array(3));
  const url = URL.createObjectURL(new Blob(["self.postMessage(1)"]));
  const worker = new Worker(url, { type: "module" });
  await new Promise((resolve) => worker.onmessage = resolve);
  worker.terminate();
  URL.revokeObjectURL(url);
});

Deno.test("a leak test passes its function's own failure on", async () => {
  const { code, text } = await runBody(`throw new Error("own failure");`);
  assertEquals(code, 1);
  assertStringIncludes(text, "own failure");
});

Deno.test("a clean function passes, whatever the name of its test", async () => {
  const { code, text } = await runBody(``);
  assertEquals(code, 0, text);
});

/** A body that leaves one thing behind, and what the failure must name. */
const LEAKS: Readonly<Record<string, { body: string; names: string }>> = {
  "a descriptor opened by FFI": {
    body: `
      const libc = Deno.dlopen("libc.so.6", {
        open: { parameters: ["buffer", "i32"], result: "i32" } });
      libc.symbols.open(new TextEncoder().encode("/proc/self/status\\0"), 0);
      libc.close();`,
    names: "/status",
  },
  "a database": {
    body: `
      const { DatabaseSync } = await import("node:sqlite");
      const path = await Deno.makeTempFile();
      const db = new DatabaseSync(path);
      db.exec("CREATE TABLE t(x)");
      (globalThis.kept ??= []).push(db);
      await Deno.remove(path);`,
    names: "(deleted)",
  },
  "a worker": {
    body: `
      const url = URL.createObjectURL(new Blob(["onmessage = () => {}; self.postMessage(1)"]));
      const worker = new Worker(url, { type: "module" });
      await new Promise((resolve) => worker.onmessage = resolve);
      worker.onmessage = null;`,
    names: "thread worker-",
  },
  "a child process": {
    body: `
      new Deno.Command("sleep", { args: ["100"], stdout: "null", stderr: "null" }).spawn().unref();`,
    names: "sleep",
  },
  "a temporary file": {
    body: `await Deno.makeTempFile({ prefix: "forgotten" });`,
    names: "forgotten",
  },
};

/** Needs the right to mount. */
const MOUNT_LEAK = {
  body: `
    const dir = await Deno.makeTempDir({ prefix: "mounted" });
    await new Deno.Command("mount", { args: ["-t", "tmpfs", "varve-test", dir] }).output();`,
  names: "mount /tmp/varve-leak-",
};

async function assertLeak(kind: string, { body, names }: typeof MOUNT_LEAK): Promise<void> {
  // What is left behind is there for ever: it is seen after any time.
  const { code, text } = await runBody(body, 500);
  assertEquals(code, 1, `${kind}: ${text}`);
  assertStringIncludes(text, "left behind:", kind);
  assertStringIncludes(text, names, kind);
}

Deno.test("a leak test sees each kind of thing left behind", async () => {
  // At once: each waits for the thing to go away by itself.
  await Promise.all(Object.entries(LEAKS).map(([kind, leak]) => assertLeak(kind, leak)));
});

Deno.test({
  name: "a leak test sees a mount left behind",
  ...needs({ root: true, mount: true }),
  fn: () => assertLeak("a mount", MOUNT_LEAK),
});

Deno.test({
  name: "a temporary directory detaches what is mounted in it",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    let path: string;
    {
      await using temp = await tempDir();
      path = temp.path;
      await Deno.mkdir(temp.join("a b"));
      const mounted = await runAny(["mount", "-t", "tmpfs", "varve-test", temp.join("a b")]);
      assertEquals(mounted.code, 0, mounted.stderr);
      await Deno.mkdir(temp.join("a b/c"));
      await runAny(["mount", "-t", "tmpfs", "varve-test", temp.join("a b/c")]);
    }
    assertEquals(await Deno.stat(path).catch(() => "gone"), "gone");
    assertEquals((await Deno.readTextFile("/proc/self/mountinfo")).includes(path), false);
  },
});
