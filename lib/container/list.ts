import type { DiskStore } from "../store/mod.ts";
import { CONTAINER_LABELS } from "./container_records.ts";
import { RUN_FILES } from "./container_run.ts";
import { firstProcess } from "./first_process.ts";
import { findRuns, type FoundRun, keyOfRun } from "./run_directory.ts";

/** A container: a snapshot that was run. */
export interface ContainerInfo {
  /** Key of the snapshot. */
  readonly key: string;
  /** Name of the image. */
  readonly image: string;
  /**
   * State of the container. A run that died without cleaning up counts as exited. `damaged` runs, but the file in which
   * its run describes itself cannot be read.
   */
  readonly status: "running" | "paused" | "exited" | "damaged";
  /** Exit code of the last run; `null` while the container runs, and when the exit code is not known. */
  readonly exit: number | null;
  /** Pid of its first process, as seen on the host; `null` unless the container runs. */
  readonly pid: number | null;
  /** When the snapshot was made, ms since the epoch. */
  readonly created: number;
  /** When the last run began, ms since the epoch. */
  readonly started: number;
  /** Command line of the last run. */
  readonly command: readonly string[];
}

/**
 * Lists the containers of a store, sorted by key. It only reads. What dead runs have left stays until `reapRuns`
 * removes it.
 */
export async function listContainers(store: DiskStore): Promise<ContainerInfo[]> {
  const live = new Map<string, FoundRun>();
  for (const found of await findRuns(store)) {
    const key = found.live ? keyOfRun(store, found) : undefined;
    if (key !== undefined) live.set(key, found);
  }
  const out: ContainerInfo[] = [];
  const rows = store.snapshots.read((table) => table.byLabel(CONTAINER_LABELS.image));
  for (const { key, kind, labels, createdAt } of rows) {
    const image = labels[CONTAINER_LABELS.image];
    if (kind !== "active" || image === undefined) continue;
    const run = live.get(key);
    const exit = labels[CONTAINER_LABELS.exit];
    out.push({
      key,
      image,
      status: await statusOf(run),
      exit: run === undefined ? numberOf(exit, MAX_EXIT) ?? null : null,
      pid: run === undefined ? null : await firstProcess(run),
      created: Math.floor(createdAt / 1000),
      started: numberOf(labels[CONTAINER_LABELS.started], MAX_TIME) ?? Math.floor(createdAt / 1000),
      command: wordsOf(labels[CONTAINER_LABELS.command]),
    });
  }
  return out;
}

async function statusOf(run: FoundRun | undefined): Promise<ContainerInfo["status"]> {
  if (run === undefined) return "exited";
  if (run.damaged) return "damaged";
  return await isPaused(run) ? "paused" : "running";
}

async function isPaused({ directory }: FoundRun): Promise<boolean> {
  try {
    return (await Deno.lstat(`${directory}/${RUN_FILES.paused}`)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Largest exit code. */
const MAX_EXIT = 255;

/** Largest time that a date can have, in ms since the epoch. */
const MAX_TIME = 8.64e15;

/** Reads a number from a label. Anybody can set labels; `undefined` for anything but a number up to `max`. */
function numberOf(label = "", max: number): number | undefined {
  return /^[0-9]{1,16}$/.test(label) && Number(label) <= max ? Number(label) : undefined;
}

/** Reads a command line from a label. Anybody can set labels, so anything but a list of words counts as empty. */
function wordsOf(label: string | undefined): string[] {
  try {
    const value: unknown = JSON.parse(label ?? "[]");
    return Array.isArray(value) ? value.map(String) : [];
  } catch {
    return [];
  }
}
