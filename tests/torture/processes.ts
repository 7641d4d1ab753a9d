/** Lets processes use one store together, without a kill: promise 5. */
import { runCommand } from "../support/cli/in_process.ts";
import { boxImage } from "../support/images/busybox_image.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { mountsBelow } from "../support/machine/census.ts";
import { missing } from "../support/machine/needs.ts";
import { runAny } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import {
  archiveOf,
  nameOf,
  OWN_IMAGES,
  type ProcessTask,
  type ProcessVerdict,
} from "./processes_child.ts";

/** What is tried. */
export interface ProcessesOptions {
  readonly seconds: number;
  readonly seed: number;
  /** How many processes there are in the end. They begin with two, and another one follows after equal times. */
  readonly processes: number;
}

/** What came of it. */
export interface ProcessesResult {
  /** Broken promises, a line each. */
  readonly findings: readonly string[];
  /** How many commands ran, by their verbs. */
  readonly done: Readonly<Record<string, number>>;
  /** How many of them said that something is in use. */
  readonly busy: number;
}

const SCRIPT = new URL("./processes_child.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** Bytes of a store without images beside its reserve: 1 MiB each. */
const EMPTY = 2 * 2 ** 20;

/** Runs the processes, and looks at the store that they leave; then removes all of it. */
export async function useTogether(
  { seconds, seed, processes }: ProcessesOptions,
): Promise<ProcessesResult> {
  await using temp = await tempDir("varve-processes-");
  const [root, dir] = [temp.join("store"), temp.path];
  const env = { VARVE_ROOT: root, VARVE_DURABILITY: "none", VARVE_WORKERS: "1", NO_COLOR: "1" };
  const varve = (...args: string[]) => runCommand(args, { env, isRoot: true });
  const mounts = missing({ root: true, mount: true, tools: ["busybox"] }).length === 0;
  const findings: string[] = [];
  const expect = async (...args: string[]) => {
    const { code, stdout, stderr } = await varve(...args);
    if (code !== 0) findings.push(`${args.join(" ")} ends with ${code}: ${stdout}${stderr}`);
    return stdout;
  };
  await Deno.writeFile(`${dir}/box.tar`, archiveTar(ociFiles([await boxImage()])));
  await expect("load", `${dir}/box.tar`);
  for (let number = 0; number < processes; number++) await writeImages(dir, number);
  const verdicts = await Promise.all(
    Array.from({ length: processes }, async (_, number) => {
      const late = Math.max(0, number - 1) / Math.max(1, processes - 1) * seconds;
      // Nothing is concluded from the time: more and more processes work together.
      await new Promise((resolve) => setTimeout(resolve, 1000 * late));
      const task = { root, dir, number, count: processes, seed, mounts };
      return await runChild({ ...task, seconds: seconds - late });
    }),
  );
  findings.push(
    ...verdicts.flatMap(({ wrong }, number) => wrong.map((one) => `${number}: ${one}`)),
  );
  await expect("fsck", "--deep");
  await cleanUp({ root, verdicts, expect, findings });
  const left = await mountsBelow(temp.path);
  if (left.length > 0) findings.push(`still mounted: ${left.join(", ")}`);
  const done: Record<string, number> = {};
  for (const verdict of verdicts) {
    for (const [verb, count] of Object.entries(verdict.done)) {
      done[verb] = (done[verb] ?? 0) + count;
    }
  }
  return { findings, done, busy: verdicts.reduce((sum, { busy }) => sum + busy, 0) };
}

/** Looks for what the processes say they have, removes it, and looks at what is left. */
async function cleanUp({ root, verdicts, expect, findings }: {
  readonly root: string;
  readonly verdicts: readonly ProcessVerdict[];
  readonly expect: (...args: string[]) => Promise<string>;
  readonly findings: string[];
}): Promise<void> {
  const rows = JSON.parse(await expect("images", "--format", "json")) as { name: string }[];
  const names = rows.map(({ name }) => name);
  const lost = verdicts.flatMap((verdict) => verdict.names).filter((name) => !names.includes(name));
  if (lost.length > 0) findings.push(`images are lost: ${lost.join(", ")}`);
  for (const key of verdicts.flatMap(({ keys }) => keys)) await expect("snapshot", "rm", key);
  if (names.length > 0) await expect("rmi", ...names);
  await expect("gc");
  await expect("fsck", "--deep");
  const { code, stdout } = await runAny(["du", "-s", "-B1", root]);
  const size = Number(stdout.split("\t")[0]);
  if (code !== 0 || size > EMPTY) findings.push(`the empty store has ${size} bytes`);
}

/** Images of which one layer is that of all processes. */
async function writeImages(dir: string, number: number): Promise<void> {
  for (const name of ["", "/view", "/rw"]) await Deno.mkdir(`${dir}/${number}${name}`);
  for (let image = 0; image < OWN_IMAGES; image++) {
    const built = buildImage({
      name: nameOf(number, image),
      packing: image === 0 ? "none" : "gzip",
      layers: [
        [{ name: "shared", content: `shared ${image}`.repeat(20_000) }],
        [{ name: "own", content: `own ${number}` }],
        [{ name: `image-${image}`, content: `${image}`.repeat(1000) }],
      ],
    });
    await Deno.writeFile(archiveOf(dir, number, image), archiveTar(ociFiles([built])));
  }
}

async function runChild(task: ProcessTask): Promise<ProcessVerdict> {
  const args = ["run", "-A", "--no-check", "--no-lock", "--config", CONFIG, SCRIPT];
  const command = [Deno.execPath(), ...args, JSON.stringify(task)];
  // A machine that is busy takes longer than the time says.
  const { code, stdout, stderr } = await runAny(command, {
    timeout: 3000 * task.seconds + 120_000,
  });
  if (code === 0) return JSON.parse(stdout);
  return { wrong: [`process: exit ${code}: ${stderr}`], done: {}, busy: 0, names: [], keys: [] };
}
