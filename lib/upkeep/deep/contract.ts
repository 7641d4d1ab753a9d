import type { Pool } from "../../pool/mod.ts";
import type { StoreRows } from "../../store/internal.ts";
import type { DiskStore } from "../../store/mod.ts";
import type { Report } from "../check/damage.ts";
import type { ProgressSum } from "./progress.ts";
import type { Scope } from "./scope.ts";

/** What the deep check needs. */
export interface DeepPass {
  readonly store: DiskStore;
  readonly rows: StoreRows;
  /** Runs the jobs that read. */
  readonly pool: Pool;
  /** Number of jobs that run at once. */
  readonly atOnce: number;
  /** What is checked; `null` for everything. */
  readonly scope: Scope | null;
  readonly report: Report;
  readonly progress: ProgressSum;
  readonly signal: AbortSignal | undefined;
}
