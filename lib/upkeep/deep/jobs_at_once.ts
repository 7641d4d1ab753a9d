import type { Pool } from "../../pool/mod.ts";
import { hasDigest, type Scope } from "./scope.ts";
import type { StoreRows } from "../../store/internal.ts";

/**
 * Bytes for which another worker is started. The start of a worker takes as much CPU time as to hash 250 MB, and two
 * workers that hash at once slow each other down a little.
 */
const BYTES_PER_WORKER = 4 * 1024 ** 3;

/** Number of jobs of a deep check that run at once. The pool starts a worker for each of them, up to its size. */
export function jobsAtOnce(pool: Pick<Pool, "size">, rows: StoreRows, scope: Scope | null): number {
  // The blob of an uncompressed layer is its tar, and is read once.
  const sizes = new Map(rows.blobs.map(({ digest, size }) => [digest, size]));
  for (const { diff_id, size } of rows.layers) sizes.set(diff_id, size);
  let bytes = 0;
  for (const [digest, size] of sizes) if (hasDigest(scope, digest)) bytes += size;
  const workers = Math.max(1, Math.round(bytes / BYTES_PER_WORKER));
  // One more than there are workers, so that the next job is there when a worker is free.
  return workers < pool.size ? workers : pool.size === 1 ? 1 : pool.size + 1;
}
