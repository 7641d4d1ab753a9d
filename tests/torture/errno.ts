/** Makes each call of a command fail: promise 6. */
import type { Stage, Undisturbed } from "../support/faults/stage.ts";
import { type Call, type Errno, ERRNOS, type Fault, suits } from "../support/faults/supervisor.ts";
import { afterwards } from "./kill.ts";

/** A fault by an error number. */
export type ErrnoFault = Fault & { readonly kind: "errno" };

/** Exit code of a failed system call; and of a `run`, whose other codes are those of its program. */
const SYSCALL = 12, RUN_FAILED = 125;

/** Exit code of a repair that leaves damage. */
const DAMAGE_LEFT = 3;

/** That a layer was made again, among the differences. */
const NEW_GENERATION = /^\+ \S*\/generation file 400$/;

/** A number of calls that is more than any command does: from the first on all fail. */
export const FOR_GOOD = 1_000_000;

/** Most interruptions of one call. SQLite and the C library try again at once, as often as it takes. */
const INTERRUPTIONS = 50;

/** How a database is called whose locks fail: SQLite takes most errors of a lock for "held by another process". */
const BUSY = /^exit 6: varve: Cannot [^|]*: database is locked[^|]*$/;

/** The fault of one call in one round: 14 rounds try each errno that it can meet, once and for good. */
export function errnoFault({ name, number }: Call, seed: number): ErrnoFault {
  const fitting = ERRNOS.filter((errno) => suits(name, errno));
  const turn = number + seed;
  const errno = fitting[turn % fitting.length] as Errno;
  const many = errno === "EINTR" ? INTERRUPTIONS : FOR_GOOD;
  const times = Math.floor(turn / fitting.length) % 2 === 0 ? 1 : many;
  return { kind: "errno", errno, at: number, times };
}

/**
 * Runs the command with a fault. It must succeed or end with one clean line; once all is well again, it must succeed.
 * Gives what is wrong.
 *
 * @param others what the command may leave when it succeeds: see {@linkcode otherDrivers}
 */
export async function failAt(
  stage: Stage,
  undisturbed: Undisturbed,
  fault: ErrnoFault,
  others: readonly Undisturbed[] = [],
): Promise<string[]> {
  await stage.reset();
  const result = await stage.run(fault, true).catch((error: Error) => error);
  if (result instanceof Error) return [`the command does not end: ${result.message}`];
  const { code, stderr, calls } = result;
  const call = calls[fault.at - 1];
  if (call === undefined) return [];
  const where = `at ${call.name} ${call.paths.map((path) => stage.short(path)).join(" ")}`;
  // Of many interruptions, some meet the locks that follow.
  const isLock = fault.errno === "ENOLCK" || call.name === "lock" ||
    fault.errno === "EINTR" && (fault.times ?? 1) > 1;
  const [verb] = stage.scenario.command;
  const failure = verb === "run" || verb === "start" ? RUN_FAILED : SYSCALL;
  // A repair that cannot heal something goes on, and says what is left.
  const isLeft = verb === "fsck" && code === DAMAGE_LEFT && stderr === "";
  const end = isLeft
    ? []
    : judgeEnd(code, stderr, failure).filter((line) => !isLock || !BUSY.test(line));
  const left = await afterwards(stage, undisturbed, code === 0 ? others : []);
  // What a repair could not read, it makes again from its blob: then what is derived from it is outdated, too.
  const other = verb === "fsck" ? left.filter((line) => !NEW_GENERATION.test(line)) : left;
  return [...end, ...other].map((line) => `${where}: ${line}`);
}

/**
 * What the next best drivers leave, and the same command after it: a command takes one of them, and warns, when the trial
 * of a better one fails.
 */
export async function otherDrivers(stage: Stage): Promise<Undisturbed[]> {
  if (stage.scenario.mounts !== true) return [];
  const others: Undisturbed[] = [];
  // Snapshots of the native driver have another form.
  for (const driver of stage.scenario.isOverlay === true ? ["overlay"] : ["overlay", "native"]) {
    const other = await stage.undisturbed(true, { VARVE_DRIVER: driver });
    const { code, stderr } = await stage.again();
    if (code !== 0 && code !== stage.scenario.done) {
      throw new Error(`Cannot repeat ${stage.scenario.name} after the driver ${driver}: ${stderr}`);
    }
    others.push(other, { ...other, facts: await stage.facts() });
  }
  return others;
}

/** What is wrong with the end of a command that met a fault. */
export function judgeEnd(code: number, stderr: string, failure: number = SYSCALL): string[] {
  const lines = stderr.trim().split("\n").filter((line) => line !== "");
  if (code === 0) return [];
  if (code !== failure) return [`exit ${code}: ${lines.slice(0, 6).join(" | ")}`];
  if (lines.length === 1 && /^varve: Cannot /.test(lines[0] as string)) return [];
  return [`not one line: ${lines.slice(0, 6).join(" | ")}`];
}
