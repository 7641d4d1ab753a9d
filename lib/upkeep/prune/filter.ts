/** Which things a prune removes, of those that it may remove. */
export interface PruneFilter {
  /** Only what was made before this time, or used last for a cache: in ms since the epoch. */
  readonly until?: number | undefined;
  /** Only what has all of these labels: `key`, or `key=value`. */
  readonly labels?: readonly string[] | undefined;
  /** Only what has none of these labels. */
  readonly notLabels?: readonly string[] | undefined;
}

/** What a filter looks at. */
export interface Filtered {
  /** When it was made, in ms since the epoch. */
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** Whether a filter lets a thing through. */
export function passes(
  { until = Infinity, labels = [], notLabels = [] }: PruneFilter,
  thing: Filtered,
): boolean {
  return thing.createdAt < until && labels.every((label) => hasLabel(thing, label)) &&
    !notLabels.some((label) => hasLabel(thing, label));
}

function hasLabel({ labels }: Filtered, wanted: string): boolean {
  const at = wanted.indexOf("=");
  const own = Object.hasOwn(labels, at < 0 ? wanted : wanted.slice(0, at))
    ? labels[at < 0 ? wanted : wanted.slice(0, at)]
    : undefined;
  return own !== undefined && (at < 0 || own === wanted.slice(at + 1));
}
