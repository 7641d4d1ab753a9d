import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { RUN_FILES } from "../../../lib/container/container_run.ts";
import { pauseContainer } from "../../../lib/container/pause.ts";
import { reapRuns } from "../../../lib/container/reap.ts";
import { createRun, type LockedRun, writeState } from "../../../lib/container/run_directory.ts";
import { VarveError } from "../../../lib/errors.ts";
import { createSnapshotter } from "../../../lib/snapshot/mod.ts";
import { type DiskStore, openStore } from "../../../lib/store/mod.ts";
import { namesIn } from "../../support/trees/names_in.ts";
import { needs } from "../../support/machine/needs.ts";
import { type TempDir, tempDir } from "../../support/machine/temp_dir.ts";

const linux = needs({});

/** A run by a runtime that notes each call, does `then`, and fails. */
function failingRun(temp: TempDir, store: DiskStore, then = ":"): Promise<LockedRun> {
  return startedRun(temp, store, `${then}\necho "cannot pause a stopped container" >&2\nexit 1`);
}

/** A run by a runtime that notes each call, and does `then`. */
async function startedRun(temp: TempDir, store: DiskStore, then: string): Promise<LockedRun> {
  const program = temp.join("runtime");
  const script = `#!/bin/sh\necho "$*" >>${temp.join("calls")}\n${then}\n`;
  await Deno.writeTextFile(program, script, { mode: 0o755 });
  const runtime = { name: "runc", program, hideUnified: false } as const;
  const run = await createRun(store, { cacheId: 7, key: "box", runtime });
  await writeState(run);
  return run;
}

async function calls(temp: TempDir, verb: string): Promise<number> {
  const text = await Deno.readTextFile(temp.join("calls")).catch(() => "");
  return text.split("\n").filter((line) => line.includes(` ${verb} `)).length;
}

/** The verbs of all calls. */
async function verbs(temp: TempDir): Promise<string[]> {
  const text = await Deno.readTextFile(temp.join("calls")).catch(() => "");
  return text.match(/ (?:pause|resume) /g)?.map((verb) => verb.trim()) ?? [];
}

/** Pid of a process that has ended. */
async function endedPid(): Promise<number> {
  const child = new Deno.Command("true").spawn();
  await child.status;
  return child.pid;
}

Deno.test({
  name: "pause: a container that has ended is no container, and is asked for once",
  ...linux,
  fn: async () => {
    await using temp = await tempDir("varve-pause-");
    await using store = await openStore({ root: temp.join("store"), durability: "none" });
    using run = await failingRun(temp, store);
    await Deno.writeTextFile(`${run.directory}/${RUN_FILES.pid}`, `${await endedPid()}`);
    assertEquals(await pauseContainer(store, "box"), null);
    assertEquals(await calls(temp, "pause"), 1);
    assertEquals(await calls(temp, "resume"), 0);
    // The marker of the pause is gone.
    assertEquals(await pauseContainer(store, "box"), null);
  },
});

Deno.test({
  name: "pause: a run that ends meanwhile, with its files, is no container",
  ...linux,
  fn: async () => {
    await using temp = await tempDir("varve-pause-");
    await using store = await openStore({ root: temp.join("store"), durability: "none" });
    const { mounts } = store.directories;
    using _ = await failingRun(temp, store, `rm -r ${mounts}/run-7-*`);
    assertEquals(await pauseContainer(store, "box"), null);
    assertEquals(await calls(temp, "pause"), 1);
    assertEquals(namesIn(mounts), []);
  },
});

Deno.test({
  name: "pause: a container that runs is tried again, and then the runtime's reason is told",
  ...linux,
  fn: async () => {
    await using temp = await tempDir("varve-pause-");
    await using store = await openStore({ root: temp.join("store"), durability: "none" });
    using run = await failingRun(temp, store);
    await Deno.writeTextFile(`${run.directory}/${RUN_FILES.pid}`, `${Deno.pid}`);
    const error = await assertRejects(() => pauseContainer(store, "box"), VarveError);
    assertEquals(error.code, "E_UNSUPPORTED");
    assertStringIncludes(error.message, `Cannot pause container "box": cannot pause a stopped`);
    assertEquals(await calls(temp, "pause"), 20);
  },
});

Deno.test({
  name: "pause: a container whose pause was killed is resumed by the next pause, and by reapRuns",
  ...linux,
  fn: async () => {
    await using temp = await tempDir("varve-pause-");
    await using store = await openStore({ root: temp.join("store"), durability: "none" });
    using run = await startedRun(temp, store, "exit 0");
    const marker = `${run.directory}/${RUN_FILES.paused}`;
    // As the killed process left it: without a lock.
    await Deno.writeTextFile(marker, "x");
    const paused = await pauseContainer(store, "box");
    assertEquals(await verbs(temp), ["resume", "pause"]);
    // Now a process has paused it that lives.
    await reapRuns(store, createSnapshotter(store));
    const refused = await assertRejects(() => pauseContainer(store, "box"), VarveError);
    assertEquals(refused.code, "E_PRECONDITION");
    assertEquals(await verbs(temp), ["resume", "pause"]);
    await paused?.[Symbol.asyncDispose]();
    await paused?.[Symbol.asyncDispose]();
    assertEquals(await verbs(temp), ["resume", "pause", "resume"]);
    assertEquals(namesIn(run.directory).includes(RUN_FILES.paused), false);

    await Deno.writeTextFile(marker, "x");
    await reapRuns(store, createSnapshotter(store));
    assertEquals((await verbs(temp)).slice(3), ["resume"]);
    assertEquals(namesIn(run.directory).includes(RUN_FILES.paused), false);
  },
});

Deno.test({
  name: "pause: a container that cannot be resumed is told, and the next pause resumes it first",
  ...linux,
  fn: async () => {
    await using temp = await tempDir("varve-pause-");
    await using store = await openStore({ root: temp.join("store"), durability: "none" });
    const broken = temp.join("broken");
    const then = `case "$*" in *resume*) if [ -e ${broken} ]; then echo no >&2; exit 1; fi ;; esac`;
    using _ = await startedRun(temp, store, then);
    const paused = await pauseContainer(store, "box");
    await Deno.writeTextFile(broken, "");
    const error = await assertRejects(
      async () => await paused?.[Symbol.asyncDispose](),
      VarveError,
    );
    assertEquals([error.code, error.message], [
      "E_UNSUPPORTED",
      `Cannot resume container "box": no`,
    ]);
    await Deno.remove(broken);
    await (await pauseContainer(store, "box"))?.[Symbol.asyncDispose]();
    assertEquals(await verbs(temp), ["pause", "resume", "resume", "pause", "resume"]);
  },
});
