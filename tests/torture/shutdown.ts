/** Shuts a file system down while a command runs: another way to cut the power. */
import { PROGRAM } from "../support/cli/cli.ts";
import { type DiskKind, DISKS, mountCommand } from "../support/faults/block_log.ts";
import { needsSupervisor, type Supervisor } from "../support/faults/supervisor.ts";
import type { Skip } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { unmount } from "../support/machine/unmount.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { prng } from "../support/prng.ts";
import type { PowerOptions, PowerResult } from "./power.ts";
import {
  judge,
  makeOld,
  type PowerDisk,
  STEPS,
  variablesOf,
  varve,
  writeArchives,
} from "./power_steps.ts";

/** File systems that can be shut down. */
export const SHUT_DOWN: readonly DiskKind[] = DISKS.filter(({ type }) => type !== "btrfs");

/** Skips a test where a disk cannot be made, or commands cannot be supervised. */
export function needsShutdown({ make: [program = ""] }: DiskKind): Skip {
  return needsSupervisor({ root: true, mount: true, tools: [program] });
}

const SCRIPT = new URL("../support/faults/shutdown.ts", import.meta.url).pathname;

/**
 * Runs the steps up to a random call of a random one, and shuts the disk down before that call. What the disk has then
 * is looked at in a copy of its image: mounts of the store may still hold the old one.
 *
 * @param program the command line that runs the program, up to the verb
 */
export async function shutDownDisks(
  kind: DiskKind,
  options: PowerOptions,
  supervisor: Supervisor,
  program: readonly string[] = PROGRAM,
): Promise<PowerResult> {
  await using temp = await tempDir("varve-shutdown-");
  const disk: PowerDisk = { path: temp.join("disk"), durability: options.durability };
  await Deno.mkdir(disk.path);
  await writeArchives(disk.path);
  const play = async (image: string, stop?: { readonly step: number; readonly call: number }) => {
    await run(mountCommand(kind, image, disk.path));
    try {
      return await playSteps(disk, supervisor, program, stop);
    } finally {
      await run(["umount", "-R", "-l", disk.path]);
    }
  };
  await makeImage(temp, kind, disk);
  await run(["cp", "--sparse=always", temp.join("base"), temp.join("counted")]);
  const { calls } = await play(temp.join("counted"));
  const random = prng(options.seed);
  const findings: string[] = [];
  let lost = 0, cuts = 0;
  for (let n = 0; n < options.cuts; n++) {
    const step = random.int(0, calls.length);
    const call = random.int(1, (calls[step] as number) + 1);
    const [image, copy] = [temp.join(`image-${n}`), temp.join(`copy-${n}`)];
    await run(["cp", "--sparse=always", temp.join("base"), image]);
    const { finished } = await play(image, { step, call });
    await run(["cp", "--sparse=always", image, copy]);
    await run(mountCommand(kind, copy, disk.path));
    try {
      const judged = await judge(disk, finished);
      const where = `${kind.name}, durability ${options.durability}, before call ${call} of ` +
        `${Object.keys(STEPS)[step]}`;
      findings.push(...judged.findings.map((line) => `${where}: ${line}`));
      if (finished.length > 0) cuts++;
      if (judged.lost) lost++;
    } finally {
      await unmount(disk.path);
      for (const path of [image, copy]) await Deno.remove(path);
    }
  }
  return { findings, lost, cuts };
}

async function makeImage(temp: TempDir, kind: DiskKind, { path }: PowerDisk): Promise<void> {
  const base = temp.join("base");
  await Deno.writeFile(base, new Uint8Array());
  await Deno.truncate(base, kind.size);
  await run([...kind.make, base]);
  await run(mountCommand(kind, base, path));
  await makeOld(path);
  await unmount(path);
}

/** Runs the steps. Gives how many calls each did, and which ones had ended when the disk was shut down. */
async function playSteps(
  disk: PowerDisk,
  supervisor: Supervisor,
  program: readonly string[],
  stop?: { readonly step: number; readonly call: number },
): Promise<{ readonly calls: readonly number[]; readonly finished: readonly string[] }> {
  const calls: number[] = [], finished: string[] = [];
  const hook = [Deno.execPath(), "run", "-A", "--no-check", SCRIPT, disk.path]
    .map((word) => `'${word}'`).join(" ");
  for (const [at, [name, { args, after }]] of Object.entries(STEPS).entries()) {
    const words = args(disk.path);
    const isLast = at === stop?.step;
    if (stop !== undefined && !isLast) {
      const { code, stderr } = await varve(disk, ...words);
      if (code !== 0) throw new Error(`Cannot ${name}: ${stderr}`);
    } else {
      const command = [...program, "--quiet", ...words];
      const fault = isLast ? { kind: "hook", at: stop!.call, command: hook } as const : undefined;
      const options = { below: [disk.path], fault, env: variablesOf(disk) };
      const result = await supervisor.run(command, options);
      if (result.code !== 0 && !isLast) throw new Error(`Cannot ${name}: ${result.stderr}`);
      calls.push(result.calls.length);
      // A command that succeeded after that reported what it did.
      if (isLast && result.code !== 0) break;
    }
    finished.push(name);
    if (isLast) break;
    await after?.(disk.path);
  }
  return { calls, finished };
}
