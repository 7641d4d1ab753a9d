import type { Snapshotter } from "../snapshot/mod.ts";
import type { DiskStore } from "../store/mod.ts";
import { LABELS } from "./container_records.ts";
import { firstProcess } from "./first_process.ts";
import { findRuns, type FoundRun } from "./run_directory.ts";
import { RUN_FILES } from "./runtime/commands.ts";

/** A container: a snapshot that was run. */
export interface ContainerInfo {
  /** Key of the snapshot. */
  readonly key: string;
  /** Name of the image. */
  readonly image: string;
  /** What it is doing. */
  readonly status: "running" | "paused" | "exited";
  /** Exit code of the last run; `null` while it runs, and when nobody saw the end. */
  readonly exit: number | null;
  /** First process, as the host sees it. */
  readonly pid: number | null;
  /** When the snapshot was made, ms since the epoch. */
  readonly created: number;
  /** When the last run began, ms since the epoch. */
  readonly started: number;
  /** Command line. */
  readonly command: readonly string[];
}

/** The containers of a store, sorted by key. */
export async function listContainers(
  store: DiskStore,
  snapshotter: Snapshotter,
): Promise<ContainerInfo[]> {
  const live = new Map<string, FoundRun>();
  for (const run of await findRuns(store)) {
    if (run.live && run.state !== null) live.set(run.state.key, run);
  }
  const out: ContainerInfo[] = [];
  for (const { key, labels, createdAt } of snapshotter.walk(["kind==active"])) {
    const image = labels[LABELS.image];
    if (image === undefined) continue;
    const run = live.get(key);
    const exit = labels[LABELS.exit];
    out.push({
      key,
      image,
      status: run === undefined ? "exited" : await isPaused(run) ? "paused" : "running",
      exit: run === undefined && exit !== undefined ? Number(exit) : null,
      pid: run?.state == null ? null : await firstProcess(run.state.runtime, run.directory),
      created: createdAt,
      started: Number(labels[LABELS.started] ?? createdAt),
      command: wordsOf(labels[LABELS.command]),
    });
  }
  return out;
}

async function isPaused({ directory }: FoundRun): Promise<boolean> {
  try {
    return (await Deno.lstat(`${directory}/${RUN_FILES.paused}`)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Labels can be set by anybody: what is no list of words is none. */
function wordsOf(label: string | undefined): string[] {
  try {
    const value: unknown = JSON.parse(label ?? "[]");
    return Array.isArray(value) ? value.map(String) : [];
  } catch {
    return [];
  }
}
