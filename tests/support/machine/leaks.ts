/**
 * Tests that also see what Deno's sanitizers do not: descriptors opened by FFI or SQLite,
 * workers not ended, child processes, mounts, and files left in the temporary directory.
 *
 * `deno test --parallel` runs files as threads of one process, where a descriptor cannot be
 * told from another file's. A leak test therefore runs in a child process of its own, with its
 * own `TMPDIR`; there it runs once to warm up (what a process opens once is no leak) and then
 * once more between two counts.
 */
import { type Census, grown, takeCensus } from "./census.ts";
import { runAny } from "./process.ts";
import { tempDir } from "./temp_dir.ts";
import { DEADLINE, waitUntil } from "./wait.ts";

/** Set in the child: the name of the test that it runs. */
const INSIDE = "VARVE_LEAK_TEST";

/**
 * Milliseconds that what was ended may take to be gone: threads and processes take a moment, on a
 * busy machine a long one. Only a test that fails waits so long. The tests of this file set less.
 */
const PATIENCE = Number(Deno.env.get("VARVE_LEAK_PATIENCE") ?? DEADLINE / 5);

/** How a leak test runs. */
export interface LeakOptions {
  readonly ignore?: boolean;
  /** Milliseconds for the whole child; {@linkcode DEADLINE} by default. */
  readonly timeout?: number;
}

/**
 * A test that fails when its function leaves anything behind, or fails itself.
 *
 * The function must be able to run twice, take its temporary files from `Deno.makeTempDir`
 * (or `tempDir`), and stand in a test file (its name is found as `Deno.mainModule`).
 *
 * @example
 * ```ts ignore
 * leakTest("a store closes its database", async () => {
 *   await using temp = await tempDir();
 *   await using store = await openStore({ root: temp.path });
 * });
 * ```
 */
export function leakTest(name: string, fn: () => void | Promise<void>): void;
export function leakTest(
  name: string,
  options: LeakOptions,
  fn: () => void | Promise<void>,
): void;
export function leakTest(
  name: string,
  second: LeakOptions | (() => void | Promise<void>),
  third?: () => void | Promise<void>,
): void {
  const options = typeof second === "function" ? {} : second;
  const fn = typeof second === "function" ? second : third;
  if (fn === undefined) throw new TypeError("Cannot define a leak test: it has no function");
  const inside = Deno.env.get(INSIDE);
  if (inside === undefined) {
    const file = Deno.mainModule;
    const ignore = options.ignore ?? false;
    Deno.test({ name, ignore, fn: () => runInChild(file, name, options) });
  } else if (inside === name) {
    Deno.test({ name, fn: () => countAround(fn) });
  }
}

async function runInChild(file: string, name: string, options: LeakOptions): Promise<void> {
  await using temp = await tempDir("varve-leak-");
  // Deno's filter is a Rust expression: everything but letters, digits and blanks is escaped.
  const exact = name.replace(/[^A-Za-z0-9 ]/gu, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`);
  const args = ["test", "-A", "--no-check", "--quiet", "--filter", `/^${exact}$/`];
  const result = await runAny([Deno.execPath(), ...args, ...await configArgs(file), file], {
    env: { [INSIDE]: name, TMPDIR: temp.path, NO_COLOR: "1" },
    timeout: options.timeout ?? DEADLINE,
  });
  if (result.code !== 0 || !/^ok \| 1 passed/m.test(result.stdout)) {
    throw new Error(`${result.stdout}\n${result.stderr}`.trim());
  }
}

/** The project's configuration, also for a test file outside of the project. */
async function configArgs(file: string): Promise<string[]> {
  const project = new URL("../../../", import.meta.url);
  if (file.startsWith(project.href)) return [];
  return ["--no-lock", "--config", await Deno.realPath(new URL("deno.json", project))];
}

async function countAround(fn: () => void | Promise<void>): Promise<void> {
  const directory = await Deno.realPath(Deno.env.get("TMPDIR") ?? "/tmp");
  await fn();
  const before = await atRest(directory);
  await fn();
  let left: string[] = [];
  await waitUntil("the end of what the test began", async () => {
    left = grown(before, await takeCensus(directory));
    return left.length === 0;
  }, { deadline: PATIENCE }).catch((error) => {
    throw left.length === 0 ? error : new Error(`left behind:\n  ${left.join("\n  ")}`);
  });
}

/**
 * The first count that is the same twice. Where that is too early, something of the first run is
 * still going away; it is then counted as held before, under a name that no second run can have:
 * numbers of threads, processes and temporary files are not used again.
 */
async function atRest(directory: string): Promise<Census> {
  let last = await takeCensus(directory);
  return await waitUntil("two equal counts", async () => {
    const census = await takeCensus(directory);
    const isSame = grown(census, last).length + grown(last, census).length === 0;
    last = census;
    return isSame && census;
  });
}
