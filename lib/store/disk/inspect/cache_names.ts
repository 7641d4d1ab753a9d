/** A cache id as the name of a directory. */
const CACHE_ID = /^[1-9][0-9]{0,14}$/;

/** The names in `layers/`, `chains/` or `snapshots/`. */
export interface CacheNames {
  /** The cache ids, in no order. */
  readonly ids: readonly number[];
  /** The names that are no cache ids. */
  readonly others: readonly string[];
}

/**
 * Reads the names in `layers/`, `chains/` or `snapshots/`. It is synchronous: there may be 100,000 names, and to wait for
 * each of them would take longer than to read them.
 */
export function cacheNamesIn(directory: string): CacheNames {
  const ids: number[] = [];
  const others: string[] = [];
  for (const { name } of Deno.readDirSync(directory)) {
    if (CACHE_ID.test(name)) ids.push(Number(name));
    else others.push(name);
  }
  return { ids, others };
}
