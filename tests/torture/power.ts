/** Cuts the power while commands run: promise 3. */
import { runCommand } from "../support/cli/in_process.ts";
import { archiveTar, dockerFiles } from "../support/images/images.ts";
import {
  type BlockRecord,
  type DiskKind,
  recordDisk,
  replay,
} from "../support/faults/block_log.ts";
import { smallImage } from "../support/faults/scenarios.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { prng } from "../support/prng.ts";

/** How the store is used. */
export type Durability = "full" | "none";

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

const SMALL = "example.org/small:1", NEW = "example.org/new:1", OTHER = "example.org/other:1";

/** Runs a command on the store of a disk. */
type Run = (...args: string[]) => Promise<{ code: number; stdout: string; stderr: string }>;

/** A command, and whether what it reported is still there; `undefined` when a command tells that it is not. */
interface Step {
  readonly args: (disk: string) => readonly string[];
  readonly kept?: (run: Run, disk: string, durability: Durability) => Promise<boolean | undefined>;
}

async function says(
  run: Run,
  args: readonly string[],
  expected: string,
): Promise<boolean | undefined> {
  const { code, stdout } = await run(...args);
  return code === 0 ? stdout.includes(expected) : undefined;
}

const STEPS: Readonly<Record<string, Step>> = {
  load: {
    args: (disk) => ["load", `${disk}.tar`],
    kept: (run) => says(run, ["cat", `${SMALL}:/etc/b`], "b"),
  },
  mount: {
    args: (disk) => ["mount", SMALL, `${disk}/mnt`, "--rw", "key"],
    kept: (run) => says(run, ["snapshot", "stat", "key"], "key"),
  },
  umount: { args: (disk) => ["umount", `${disk}/mnt`] },
  commit: {
    args: () => ["commit", "key", NEW],
    kept: (run) => says(run, ["ls", `${NEW}:/etc`], "b"),
  },
  tag: { args: () => ["tag", SMALL, OTHER] },
  save: {
    args: (disk) => ["save", SMALL, "-o", `${disk}/image.tar`],
    // What lies beside a store nobody looks at: without durability nobody can tell that it is lost.
    async kept(_, disk, durability) {
      if (durability === "none") return true;
      const { length } = await Deno.readFile(`${disk}/image.tar`).catch(() => new Uint8Array());
      const { code } = await run(["tar", "-tf", `${disk}/image.tar`]).catch(() => ({ code: 1 }));
      return length > 0 && code === 0;
    },
  },
  rmi: {
    args: () => ["rmi", OTHER],
    kept: async (run) => !(await run("images")).stdout.includes(OTHER),
  },
};

/** Records the commands on a disk, cuts the power at random points, and looks at what is left. */
export async function cutPower(kind: DiskKind, options: PowerOptions): Promise<PowerResult> {
  await using temp = await tempDir("varve-power-");
  const disk = temp.join("disk");
  const command: Run = (...args) => {
    const env = {
      VARVE_ROOT: `${disk}/store`,
      VARVE_WORKERS: "1",
      VARVE_DURABILITY: options.durability,
      SOURCE_DATE_EPOCH: "1700000000",
    };
    return runCommand(args, { env, isRoot: true });
  };
  await Deno.writeFile(`${disk}.tar`, archiveTar(dockerFiles([smallImage()])));
  const records = await recordDisk(temp.path, kind, async ({ path, mark }) => {
    await Deno.mkdir(`${path}/mnt`);
    await run(["sync", "-f", path]);
    await mark("begin");
    for (const [name, { args }] of Object.entries(STEPS)) {
      const { code, stderr } = await command(...args(path));
      if (code !== 0) throw new Error(`Cannot ${name}: ${stderr}`);
      await mark(name);
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
    await replay(temp.join("base"), temp.join("image"), records, cut, () => random.chance(keep));
    await run(["mount", "-t", kind.type, "-o", "loop", temp.join("image"), disk]);
    try {
      const judged = await judge(command, disk, records.slice(0, cut), options.durability);
      const where = `${kind.name}, durability ${options.durability}, cut at ${cut} of ${end}`;
      findings.push(...judged.findings.map((line) => `${where}: ${line}`));
      if (judged.finished > 0) cuts++;
      if (judged.lost) lost++;
    } finally {
      await run(["umount", disk]);
    }
  }
  return { findings, lost, cuts };
}

function markAt(records: readonly BlockRecord[], text: string): number {
  return records.findIndex((record) => record.kind === "mark" && record.text === text);
}

/** Looks for all that was reported before the cut. */
async function judge(
  command: Run,
  disk: string,
  records: readonly BlockRecord[],
  durability: Durability,
): Promise<{ findings: string[]; lost: boolean; finished: number }> {
  const marks = records.flatMap((record) => record.kind === "mark" ? [record.text] : []);
  const finished = Object.entries(STEPS).filter(([name]) => marks.includes(name));
  const findings: string[] = [];
  if (finished.length === 0) return { findings, lost: false, finished: 0 };
  const gone: string[] = [];
  let isTold = false;
  for (const [name, { kept }] of finished) {
    const answer = await kept?.(command, disk, durability);
    if (answer === undefined && kept !== undefined) isTold = true;
    if (kept !== undefined && answer !== true) gone.push(name);
  }
  const { code, stdout, stderr } = await command("fsck", "--deep");
  if (durability === "full") {
    findings.push(...gone.map((name) => `what ${name} reported is lost`));
    if (code !== 0) findings.push(`fsck --deep ends with ${code}: ${stdout}${stderr}`);
  } else if (gone.length > 0 && code === 0 && !isTold) {
    findings.push(`what ${gone.join(", ")} reported is lost, and nothing tells it`);
  }
  const isLost = gone.length > 0 || code !== 0;
  return { findings, lost: isLost, finished: finished.length };
}
