import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { RUN_FILES } from "../../../lib/container/container_run.ts";
import { pauseContainer } from "../../../lib/container/pause.ts";
import { createRun, type LockedRun, writeState } from "../../../lib/container/run_directory.ts";
import { VarveError } from "../../../lib/errors.ts";
import { type DiskStore, openStore } from "../../../lib/store/mod.ts";
import { namesIn } from "../../support/trees/names_in.ts";
import { needs } from "../../support/machine/needs.ts";
import { type TempDir, tempDir } from "../../support/machine/temp_dir.ts";

const linux = needs({});

/** A runtime that notes each call, does `then`, and fails. */
async function failingRun(temp: TempDir, store: DiskStore, then = ":"): Promise<LockedRun> {
  const program = temp.join("runtime");
  const script = `#!/bin/sh
echo "$*" >>${temp.join("calls")}
${then}
echo "cannot pause a stopped container" >&2
exit 1
`;
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
