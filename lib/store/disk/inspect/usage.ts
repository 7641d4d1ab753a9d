import type { DiskStore } from "../../disk_store.ts";
import type { GcKnowledge, GcOptions, Marks, Thing } from "../../garbage.ts";
import { DiskCollector } from "../gc/collector.ts";
import { MarkSet } from "../gc/mark_set.ts";
import { Walk } from "../gc/walk.ts";
import { keptIn, layerLock } from "../ingest_names.ts";
import { FileLock } from "../lock.ts";
import { diskOf } from "../store.ts";
import { lstatOrNothingSync } from "../system.ts";
import { namesAt } from "./files.ts";

/** Absolute paths of the files and directories that a collection would remove now. */
export async function plannedPaths(
  store: DiskStore,
  knowledge: GcKnowledge,
  options: Pick<GcOptions, "bounds" | "without" | "signal">,
): Promise<ReadonlySet<string>> {
  const collector = new DiskCollector(diskOf(store));
  const marks = await collector.mark(knowledge, options);
  return (await collector.plan(marks, knowledge, options)).paths;
}

/** What one thing reaches, as gc follows it; with the thing itself. */
export function reachedFrom(store: DiskStore, thing: Thing): Marks {
  const marks = new MarkSet();
  marks.root(thing, "asked for");
  for (const _ of new Walk(diskOf(store), marks).follow());
  return marks;
}

/** The kept parts of downloads: how many there are, and how many a process is using now. */
export async function countParts(
  store: DiskStore,
): Promise<{ readonly total: number; readonly active: number }> {
  const { paths, readOnly } = diskOf(store);
  const digests = keptIn(namesAt(paths.ingest));
  let active = 0;
  for (const digest of readOnly ? [] : digests) {
    const path = layerLock(paths, digest);
    if (lstatOrNothingSync(path) === undefined) continue;
    using lock = await FileLock.tryAcquire(path);
    if (lock === undefined) active++;
  }
  return { total: digests.length, active };
}
