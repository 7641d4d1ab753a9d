/**
 * Maps values by a function that takes its time, a few at once. When one fails no other is begun,
 * those that run are told by `onFailure`, and the first error is thrown when all have ended: what
 * they work on may be taken away then.
 */
export async function mapLimited<T, U>(
  items: readonly T[],
  atOnce: number,
  map: (item: T) => Promise<U>,
  onFailure: (error: unknown) => void,
): Promise<U[]> {
  const results: U[] = [];
  const errors: unknown[] = [];
  let next = 0;
  const lane = async () => {
    while (errors.length === 0 && next < items.length) {
      const at = next++;
      try {
        results[at] = await map(items[at] as T);
      } catch (error) {
        if (errors.push(error) === 1) onFailure(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane));
  if (errors.length > 0) throw errors[0];
  return results;
}
