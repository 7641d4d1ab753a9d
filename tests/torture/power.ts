/** Cuts the power while commands run: promise 3. */
import {
  type BlockRecord,
  type DiskKind,
  mountCommand,
  recordDisk,
  replay,
} from "../support/faults/block_log.ts";
import { run } from "../support/machine/process.ts";
import { unmount } from "../support/machine/unmount.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { prng } from "../support/prng.ts";
import { type Durability, judge, makeOld, STEPS, varve, writeArchives } from "./power_steps.ts";

/** What is tried. */
export interface PowerOptions {
  readonly durability: Durability;
  /** How often the power is cut. */
  readonly cuts: number;
  readonly seed: number;
}

/** What came of it. */
export interface PowerResult {
  /** Broken promises, a line each. */
  readonly findings: readonly string[];
  /** How many cuts lost something that a command had reported. With full durability each is a finding. */
  readonly lost: number;
  /** How many cuts came after at least one command had ended. */
  readonly cuts: number;
}

/** Records the commands on a disk, cuts the power at random points, and looks at what is left. */
export async function cutPower(kind: DiskKind, options: PowerOptions): Promise<PowerResult> {
  await using temp = await tempDir("varve-power-");
  const disk = { path: temp.join("disk"), durability: options.durability };
  await writeArchives(disk.path);
  const records = await recordDisk(temp.path, kind, async ({ path, mark }) => {
    await makeOld(path);
    await mark("begin");
    for (const [name, { args, after }] of Object.entries(STEPS)) {
      const { code, stderr } = await varve(disk, ...args(path));
      if (code !== 0) throw new Error(`Cannot ${name}: ${stderr}`);
      await mark(name);
      await after?.(path);
    }
  });
  const random = prng(options.seed);
  const begin = markAt(records, "begin");
  const end = markAt(records, Object.keys(STEPS).at(-1) as string) + 1;
  const findings: string[] = [];
  let lost = 0, cuts = 0;
  for (let n = 0; n < options.cuts; n++) {
    const cut = random.int(begin, end + 1);
    const keep = random.int(0, 3) / 2;
    // A file of its own: the kernel may still hold the device of the last one.
    const image = temp.join(`image-${n}`);
    await replay(temp.join("base"), image, records, cut, () => random.chance(keep));
    await run(mountCommand(kind, image, disk.path));
    try {
      const finished = marksOf(records.slice(0, cut)).filter((name) => name in STEPS);
      const judged = await judge(disk, finished);
      const where = `${kind.name}, durability ${options.durability}, cut at ${cut} of ${end}`;
      findings.push(...judged.findings.map((line) => `${where}: ${line}`));
      if (finished.length > 0) cuts++;
      if (judged.lost) lost++;
    } finally {
      await unmount(disk.path);
      await Deno.remove(image);
    }
  }
  return { findings, lost, cuts };
}

function marksOf(records: readonly BlockRecord[]): string[] {
  return records.flatMap((record) => record.kind === "mark" ? [record.text] : []);
}

function markAt(records: readonly BlockRecord[], text: string): number {
  return records.findIndex((record) => record.kind === "mark" && record.text === text);
}
