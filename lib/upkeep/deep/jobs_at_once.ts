import type { Pool } from "../../pool/mod.ts";
import { hasDigest, type Scope } from "./scope.ts";
import type { StoreRows } from "../../store/internal.ts";

/**
 * Bytes for which another worker is started. The start of a worker takes 0.2 s of CPU time, in which 250 MB are hashed: a
 * fourth of the time that these bytes take.
 */
const BYTES_PER_WORKER = 1024 ** 3;

/** Number of jobs of a deep check that run at once. The pool starts a worker for each of them, up to its size. */
export function jobsAtOnce(pool: Pick<Pool, "size">, rows: StoreRows, scope: Scope | null): number {
  let bytes = 0;
  for (const { digest, size } of rows.blobs) if (hasDigest(scope, digest)) bytes += size;
  for (const { diff_id, size } of rows.layers) if (hasDigest(scope, diff_id)) bytes += size;
  const workers = Math.max(1, Math.ceil(bytes / BYTES_PER_WORKER));
  // One more than there are workers, so that the next job is there when a worker is free.
  return workers < pool.size ? workers : pool.size === 1 ? 1 : pool.size + 1;
}
