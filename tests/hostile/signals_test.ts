/** A verb ends at a signal, also in the middle of long work that never waits. */
import { assert, assertEquals } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { concat, gnuLong, header } from "../support/tar/raw_blocks.ts";

/** CPU time, in ticks of 10 ms, after which a command is at work on the tree: its start takes half of that. */
const AT_WORK = 120;

Deno.test("K04: tree, diff and cat of 400,000 directories end at once at SIGTERM", async (t) => {
  await using temp = await tempDir();
  const cli = new Cli(temp.join("store"));
  const image = buildImage({ name: "example.org/deep:1", layers: [deepTar(100)] });
  await Deno.writeFile(temp.join("deep.tar"), archiveTar(ociFiles([image])));
  await raiseLimits(cli);
  await cli.text(["load", temp.join("deep.tar")]);
  const names = await namesBelow(temp.join("store"));
  for (
    const args of [
      ["cat", "example.org/deep:1:/"],
      ["tree", "example.org/deep:1"],
      ["diff", "example.org/deep:1", "example.org/deep:1"],
    ]
  ) {
    await t.step(args[0] as string, async () => {
      const { signal, ticks } = await terminated(cli, args);
      // The kernel's own way to end it: no code of the program had to run.
      assertEquals(signal, "SIGTERM");
      assert(ticks < 30, `${ticks} ticks of CPU after the signal`);
    });
  }
  assertEquals(await namesBelow(temp.join("store")), names);
});

Deno.test("K04: load, unpack, export and squash of 800,000 directories end at once at SIGTERM", async (t) => {
  await using temp = await tempDir("varve-signals-", "/var/tmp");
  const cli = new Cli(temp.join("store"));
  const image = buildImage({ name: "example.org/deep:1", layers: [deepTar(100), deepTar(101)] });
  await Deno.writeFile(temp.join("deep.tar"), archiveTar(ociFiles([image])));
  await raiseLimits(cli);
  const load = ["load", temp.join("deep.tar"), "--quiet"];
  const ends = async (args: readonly string[]) => {
    const { code, signal, ticks } = await terminated(cli, args);
    assert(signal === "SIGTERM" || code === 130 || code === 143, `${signal} ${code}`);
    assert(ticks < 60, `${ticks} ticks of CPU after the signal`);
  };
  await t.step("load", () => ends(load));
  await cli.text(load);
  const names = await namesBelow(temp.join("store"));
  for (
    const args of [
      ["unpack", "example.org/deep:1", temp.join("unpacked"), "--quiet"],
      ["export", "example.org/deep:1", "-o", temp.join("out.tar"), "--quiet"],
      ["squash", "example.org/deep:1", "example.org/flat:1", "--quiet"],
    ]
  ) {
    await t.step(args[0] as string, () => ends(args));
  }
  await cli.text(["images"]);
  assertEquals(await namesBelow(temp.join("store")), names);
});

/** Runs a command until it is at work, sends SIGTERM, and says how it ended and what CPU time that took. */
async function terminated(
  cli: Cli,
  args: readonly string[],
): Promise<{ code: number; signal: string | null; ticks: number }> {
  const [command = "", ...rest] = cli.command(args);
  const child = new Deno.Command(command, {
    args: rest,
    env: cli.env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  while (ticksOf(child.pid) < AT_WORK) await new Promise((go) => setTimeout(go, 20));
  const before = ticksOf(child.pid);
  child.kill("SIGTERM");
  let last = before;
  let isThere = true;
  const ended = child.status.finally(() => isThere = false);
  while (isThere) {
    const now = ticksOf(child.pid);
    if (now !== Infinity) last = now;
    await new Promise((go) => setTimeout(go, 5));
  }
  const { code, signal } = await ended;
  return { code, signal, ticks: last - before };
}

/** Lets a store take what {@linkcode deepTar} makes, which is refused otherwise. */
async function raiseLimits(cli: Cli): Promise<void> {
  await cli.text(["config", "set", "limits.layer.entryRatioFrom", "10000000"]);
  for (const name of ["metadata", "metadataRatioFrom"]) {
    await cli.text(["config", "set", `limits.layer.${name}`, "10000000000"]);
  }
}

/** CPU time of a process in ticks; `Infinity` when it has ended. */
function ticksOf(pid: number): number {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? Infinity : Number(fields[11]) + Number(fields[12]);
  } catch {
    return Infinity;
  }
}

/** A tar of names with 4,000 directories each. */
function deepTar(count: number): Uint8Array<ArrayBuffer> {
  const below = "/a".repeat(3998);
  const name = (i: number) => [gnuLong("L", `${i}${below}/f`), header({ name: "f" })];
  return concat(...Array.from({ length: count }, (_, i) => name(i)).flat(), new Uint8Array(1024));
}

/** The names in the places of a store where unfinished things lie. */
async function namesBelow(root: string): Promise<string[]> {
  const names: string[] = [];
  for (const place of ["ingest", "trash", "mounts"]) {
    for await (const { name } of Deno.readDir(`${root}/${place}`)) names.push(`${place}/${name}`);
  }
  return names.sort();
}
