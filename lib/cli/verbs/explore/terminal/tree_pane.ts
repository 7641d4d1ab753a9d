import { formatBytes } from "../../../../bytes/mod.ts";
import { fitEnd, fitText, padEnd, padStart } from "./fit_text.ts";
import type { Part, Style } from "./lines.ts";
import { chosenPath, shownChange, showsAttributes, type ViewState } from "./state.ts";
import { type Status, statusOf } from "./tree_rows.ts";

/** Columns of permissions, of owners and of sizes. */
const WIDTHS = { mode: 10, owner: 11, size: 9 } as const;
/** Columns of a level of the tree. */
const LEVEL = 4;
/** Most characters of a path that is shown in one line. */
const MOST_PATH = 4096;

const LETTERS: Readonly<Record<Status, string>> = {
  unmodified: " ",
  added: "A",
  modified: "M",
  removed: "D",
};

const STYLES: Readonly<Record<Status, Style>> = {
  unmodified: "plain",
  added: "added",
  modified: "modified",
  removed: "removed",
};

/** The headings of the columns of the tree. */
export function treeHeading(state: ViewState): string {
  const { mode, owner, size } = WIDTHS;
  return showsAttributes(state)
    ? `  ${padEnd("PERMISSION", mode)} ${padStart("UID:GID", owner)} ${
      padStart("SIZE", size)
    }  PATH`
    : "  PATH";
}

/** The lines of the tree that are on the screen. */
export function treeLines(state: ViewState, height: number, width: number): Part[][] {
  const { tree, top, cursor } = state;
  const hasAttributes = showsAttributes(state);
  const used = 2 + (hasAttributes ? WIDTHS.mode + WIDTHS.owner + WIDTHS.size + LEVEL : 0);
  const nameWidth = Math.max(0, width - used);
  const skipped = skippedLevels(state, nameWidth);
  return Array.from({ length: height }, (_, i): Part[] => {
    const at = tree.rows[top + i];
    if (at === undefined) return [];
    const status = statusOf(tree, at);
    const entry = state.model.entry(shownChange(state, at));
    const size = entry.isDirectory ? tree.sizes[at] as number : entry.size;
    const attributes = hasAttributes
      ? `${entry.mode} ${padStart(entry.owner, WIDTHS.owner)} ${
        padStart(formatBytes(size), WIDTHS.size)
      }  `
      : "";
    const target = entry.target === "" ? "" : ` → ${entry.target}`;
    const branch = branchText(state, at, skipped);
    const name = fitText(branch + state.model.columns.names[at] + target, nameWidth);
    return [
      { text: fitText(`${LETTERS[status]} ${attributes}`, width), style: STYLES[status] },
      { text: name, style: top + i === cursor ? "chosen" : STYLES[status] },
    ];
  });
}

/**
 * How many levels of the tree are left of the screen, so that names of the chosen depth have at least half of the room.
 */
function skippedLevels(state: ViewState, nameWidth: number): number {
  const at = chosenPath(state);
  const depth = at === undefined ? 0 : state.model.columns.depths[at] as number;
  return Math.max(0, depth - 1 - Math.floor(nameWidth / 2 / LEVEL));
}

/** The lines of the tree before a name. */
function branchText(state: ViewState, at: number, skipped: number): string {
  const { model: { columns: { depths, parents, ends } }, tree: { last }, collapsed } = state;
  const depth = depths[at] as number;
  if (depth <= skipped) return "‹ ";
  const isClosed = collapsed[at] === 1 && (ends[at] as number) > at + 1;
  let text = `${last[at] === 1 ? "└" : "├"}─${isClosed ? "⊕" : "─"} `;
  let above = parents[at] as number;
  for (let level = depth - 1; level > skipped; level--) {
    text = `${last[above] === 1 ? " " : "│"}   ${text}`;
    above = parents[above] as number;
  }
  return text;
}

/** A path in one line: its end, where it is too long. */
export function pathText({ model: { columns } }: ViewState, at: number, width: number): string {
  let text = "";
  for (let i = at; i !== 0 && text.length < MOST_PATH; i = columns.parents[i] as number) {
    text = `/${columns.names[i]}${text}`;
  }
  return fitEnd(text, width);
}
