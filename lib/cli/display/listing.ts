import type { NamedNode } from "../../tree/mod.ts";
import { sizeOf } from "../files/usage.ts";
import { formatMode, formatName, formatSize, formatTime } from "../nodes.ts";
import { humanSize } from "./human_size.ts";
import { textWidth } from "./width.ts";

/** How `varve ls` shows entries. */
export interface ListingStyle {
  /** Sizes in powers of 1024. */
  readonly human?: boolean | undefined;
  /** The columns of `ls -l`: link count, names of owner and group, time with its zone. */
  readonly long?: LongColumns | undefined;
}

/** What the columns of `ls -l` show that a node does not say. */
export interface LongColumns {
  readonly links: (entry: NamedNode) => number;
  readonly user: (uid: number) => string;
  readonly group: (gid: number) => string;
}

/** The lines of `varve ls`, with aligned columns. */
export function* listing(
  entries: readonly NamedNode[],
  style: ListingStyle = {},
): Generator<string> {
  const rows = entries.map((entry) => cellsOf(entry, style));
  const widths: number[] = [];
  for (const { cells } of rows) {
    for (const [i, cell] of cells.entries()) {
      widths[i] = Math.max(widths[i] ?? 0, textWidth(cell));
    }
  }
  for (const [i, { name, node }] of entries.entries()) {
    const { cells, time } = rows[i] as Cells;
    const columns = cells.map((cell, at) => {
      const padding = " ".repeat((widths[at] as number) - textWidth(cell));
      return isNumeric(at, cells.length) ? padding + cell : cell + padding;
    });
    yield `${formatMode(node)} ${columns.join(" ")} ${time} ${formatName(name, node)}\n`;
  }
}

/** The cells between mode and time. */
interface Cells {
  readonly cells: readonly string[];
  readonly time: string;
}

function cellsOf(entry: NamedNode, { human, long }: ListingStyle): Cells {
  const { node } = entry;
  const hasSize = node.type === "file" || long !== undefined && node.type === "symlink";
  const bytes = hasSize ? sizeOf(node) : undefined;
  const size = human === true && bytes !== undefined ? humanSize(bytes) : bytes ?? formatSize(node);
  const isWhiteout = node.type === "whiteout";
  if (long === undefined) {
    const owner = isWhiteout ? "" : `${node.uid}:${node.gid}`;
    return {
      cells: [owner, String(size)],
      time: isWhiteout ? "" : formatTime(node.mtime).slice(0, 19),
    };
  }
  if (isWhiteout) return { cells: ["0", "", "", "0"], time: "" };
  return {
    cells: [String(long.links(entry)), long.user(node.uid), long.group(node.gid), String(size)],
    time: longTime(formatTime(node.mtime)),
  };
}

/** A time as `ls --time-style='+%F %T %z'` prints it in UTC. */
function longTime(time: string): string {
  return time.startsWith("@") ? time : `${time.slice(0, 19).replace("T", " ")} +0000`;
}

/** Whether a column is aligned to the right: the link count and the size. */
function isNumeric(at: number, count: number): boolean {
  return at === count - 1 || count === 4 && at === 0;
}
