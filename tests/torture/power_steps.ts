/** The commands during which the power is cut, and what has to be left of them: promises 3 and 4. */
import { runCommand } from "../support/cli/in_process.ts";
import { smallImage } from "../support/faults/scenarios.ts";
import { archiveTar, buildImage, dockerFiles } from "../support/images/images.ts";
import { run } from "../support/machine/process.ts";

/** How the store is used. */
export type Durability = "full" | "none";

const OLD = "example.org/old:1";
const SMALL = "example.org/small:1", NEW = "example.org/new:1";
const OTHER = "example.org/other:1", LAST = "example.org/last:1";

/** A mounted disk with a store in the directory `store`. */
export interface PowerDisk {
  /** Where it is mounted. The archives that are loaded lie beside it. */
  readonly path: string;
  readonly durability: Durability;
}

/** The words of a command, and what it reported. */
interface Step {
  readonly args: (disk: string) => readonly string[];
  /** What a user does after it. */
  readonly after?: (disk: string) => Promise<void>;
  /** Whether what it reported is still there; `undefined` when a command tells that it is not. */
  readonly kept?: (disk: PowerDisk) => Promise<boolean | undefined>;
}

/** Variables of all commands on a disk. */
export function variablesOf({ path, durability }: PowerDisk): Record<string, string> {
  return {
    VARVE_ROOT: `${path}/store`,
    VARVE_WORKERS: "1",
    VARVE_DURABILITY: durability,
    SOURCE_DATE_EPOCH: "1700000000",
  };
}

/** Runs a command on the store of a disk. */
export async function varve(
  disk: PowerDisk,
  ...args: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  return await runCommand(args, { env: variablesOf(disk), isRoot: true });
}

async function says(
  disk: PowerDisk,
  args: readonly string[],
  expected: string,
): Promise<boolean | undefined> {
  const { code, stdout } = await varve(disk, ...args);
  return code === 0 ? stdout.includes(expected) : undefined;
}

/** Mounts a snapshot again, and reads a file in it. */
async function mounted(
  disk: PowerDisk,
  [image, key]: readonly [string, string],
  [file, text]: readonly [string, string],
): Promise<boolean | undefined> {
  const target = `${disk.path}/mnt`;
  const { code } = await varve(disk, "mount", image, target, "--rw", key);
  if (code !== 0) return undefined;
  try {
    return await Deno.readTextFile(`${target}/${file}`).catch(() => "") === text;
  } finally {
    await varve(disk, "umount", target);
  }
}

/** The steps, by the names of their marks. */
export const STEPS: Readonly<Record<string, Step>> = {
  load: {
    args: (disk) => ["load", `${disk}.tar`],
    kept: (disk) => says(disk, ["cat", `${SMALL}:/etc/b`], "b"),
  },
  "mount --rw": {
    args: (disk) => ["mount", SMALL, `${disk}/mnt`, "--rw", "key"],
    after: (disk) => Deno.writeTextFile(`${disk}/mnt/etc/new`, "new"),
    kept: (disk) => says(disk, ["snapshot", "stat", "key"], "key"),
  },
  umount: {
    args: (disk) => ["umount", `${disk}/mnt`],
    async kept(disk) {
      const isThere = await mounted(disk, [SMALL, "key"], ["etc/new", "new"]);
      // What a user writes nobody syncs then, and nobody can tell that it is lost.
      return isThere === false && disk.durability === "none" ? true : isThere;
    },
  },
  commit: {
    args: () => ["commit", "key", NEW],
    async kept(disk) {
      const isThere = await says(disk, ["cat", `${NEW}:/etc/new`], "new");
      // The commit found what the disk had.
      return isThere === false && disk.durability === "none" ? true : isThere;
    },
  },
  tag: { args: () => ["tag", SMALL, OTHER] },
  save: {
    args: (disk) => ["save", SMALL, "-o", `${disk}/image.tar`],
    // What lies beside a store nobody looks at: without durability nobody can tell that it is lost.
    async kept({ path, durability }) {
      if (durability === "none") return true;
      const { length } = await Deno.readFile(`${path}/image.tar`).catch(() => new Uint8Array());
      const { code } = await run(["tar", "-tf", `${path}/image.tar`]).catch(() => ({ code: 1 }));
      return length > 0 && code === 0;
    },
  },
  rmi: {
    args: () => ["rmi", OTHER],
    kept: async (disk) => !(await varve(disk, "images")).stdout.includes(OTHER),
  },
  "tag again": {
    args: () => ["tag", SMALL, LAST],
    kept: (disk) => says(disk, ["cat", `${LAST}:/etc/b`], "b"),
  },
};

/** Writes the archives beside a disk that is to come. */
export async function writeArchives(disk: string): Promise<void> {
  const old = buildImage({ name: OLD, layers: [[{ name: "old", content: "old" }]] });
  await Deno.writeFile(`${disk}.tar`, archiveTar(dockerFiles([smallImage()])));
  await Deno.writeFile(`${disk}.old.tar`, archiveTar(dockerFiles([old])));
}

/** Makes what is on the disk before: an image, and a snapshot with a file. All of it reaches the disk. */
export async function makeOld(path: string): Promise<void> {
  const disk = { path, durability: "full" } as const;
  await Deno.mkdir(`${path}/mnt`);
  const done = async (...args: string[]) => {
    const { code, stderr } = await varve(disk, ...args);
    if (code !== 0) throw new Error(`Cannot ${args.join(" ")}: ${stderr}`);
  };
  await done("load", `${path}.old.tar`);
  await done("mount", OLD, `${path}/mnt`, "--rw", "old-key");
  await Deno.writeTextFile(`${path}/mnt/file`, "old");
  await done("umount", `${path}/mnt`);
  await run(["sync", "-f", path]);
}

/** What of the old things is not there, in words. */
async function destroyed(disk: PowerDisk): Promise<string[]> {
  const whole = {
    "the old image": await says(disk, ["cat", `${OLD}:/old`], "old"),
    "the old snapshot": await mounted(disk, [OLD, "old-key"], ["file", "old"]),
  };
  return Object.entries(whole).filter(([, isThere]) => isThere !== true).map(([what]) => what);
}

/** What a look at a disk after a cut gives. */
export interface Judged {
  /** Broken promises. */
  readonly findings: string[];
  /** Whether something is lost that a command had reported. */
  readonly lost: boolean;
}

/**
 * Looks for all that was reported before the cut, and for all that was there before.
 *
 * @param finished names of the steps that had ended
 */
export async function judge(disk: PowerDisk, finished: readonly string[]): Promise<Judged> {
  const findings: string[] = [];
  const gone: string[] = [];
  let isTold = false;
  for (const name of finished) {
    const { kept } = STEPS[name] as Step;
    const answer = await kept?.(disk);
    if (answer === undefined && kept !== undefined) isTold = true;
    if (kept !== undefined && answer !== true) gone.push(name);
  }
  const { code, stdout, stderr } = await varve(disk, "fsck", "--deep");
  if (code !== 0) isTold = true;
  if (disk.durability === "full") {
    findings.push(...gone.map((name) => `what ${name} reported is lost`));
    if (code !== 0) findings.push(`fsck --deep ends with ${code}: ${stdout}${stderr}`);
    findings.push(...(await destroyed(disk)).map((what) => `${what} is lost`));
  } else {
    if (gone.length > 0 && !isTold) {
      findings.push(`what ${gone.join(", ")} reported is lost, and nothing tells it`);
    }
    let missing = await destroyed(disk);
    if (missing.length > 0 && !isTold) {
      findings.push(`${missing.join(", ")} cannot be used, and nothing tells it`);
    }
    // What was told is healed as the command says.
    for (const how of ["--repair", "--rebuild"].filter(() => missing.length > 0)) {
      if (missing.length === 0) break;
      await varve(disk, "fsck", "--deep", how);
      missing = await destroyed(disk);
    }
    findings.push(...missing.map((what) => `${what} is destroyed: ${stdout}${stderr}`));
  }
  return { findings, lost: gone.length > 0 || code !== 0 };
}
