type Labels = Readonly<Record<string, string>>;

/** How the keys of labels begin that varve keeps for itself. */
const RESERVED = "varve.";

/** Whether a label is one of varve's own, which containerd neither sees nor sets. */
export function isReservedLabel(key: string): boolean {
  return key.startsWith(RESERVED);
}

/** The labels that containerd sees and sets: all but varve's own. */
export function shownLabels(labels: Labels): Record<string, string> {
  // fromEntries, because an assignment to a label called __proto__ would be lost.
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !isReservedLabel(key)));
}
