import type { SnapshotInfo } from "../../snapshot/mod.ts";

/** Snapshots in one message of a list, as containerd's own service sends them. */
const ROWS = 100;

/**
 * Characters of labels in one message. An image's author chooses some labels, as many as a manifest holds. A message of
 * more than 16 MiB would fail, and with it each collection of containerd, which lists all snapshots.
 */
const CHARACTERS = 2 * 1024 * 1024;

/** Cuts a list into pieces for one message each. A piece has at least one snapshot. */
export function* pagesOf(rows: readonly SnapshotInfo[]): Generator<readonly SnapshotInfo[]> {
  let begin = 0;
  let characters = 0;
  for (const [at, { labels }] of rows.entries()) {
    const more = lengthOf(labels);
    if (at > begin && (at - begin === ROWS || characters + more > CHARACTERS)) {
      yield rows.slice(begin, at);
      begin = at;
      characters = 0;
    }
    characters += more;
  }
  if (begin < rows.length) yield rows.slice(begin);
}

function lengthOf(labels: Readonly<Record<string, string>>): number {
  let length = 0;
  for (const key of Object.keys(labels)) length += key.length + (labels[key]?.length ?? 0);
  return length;
}
