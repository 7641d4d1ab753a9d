import { formatBytes } from "../../../../bytes/mod.ts";
import { fitText, padStart } from "./fit_text.ts";
import { detailLines, layerLines } from "./layer_pane.ts";
import type { Line, Part, Style } from "./lines.ts";
import { chosenPath, layoutOfState, type ViewState } from "./state.ts";
import { pathText, treeHeading, treeLines } from "./tree_pane.ts";

/** Smallest terminal that has room for the view. */
const LEAST = { columns: 20, rows: 6 };

/** The lines of a screen: as many as the terminal has rows, none wider than it. Of the tree only what is visible. */
export function screenLines(state: ViewState): Line[] {
  const { size } = state;
  if (size.columns < LEAST.columns || size.rows < LEAST.rows) {
    return Array.from(
      { length: size.rows },
      (_, i) => i === 0 ? one(0, fitText("too small", size.columns), "plain") : [],
    );
  }
  const layout = layoutOfState(state);
  const height = size.rows - 2;
  const showsLayers = !layout.isNarrow || state.pane === "layers";
  const showsTree = !layout.isNarrow || state.pane === "tree";
  const left = showsLayers
    ? [
      title("Layers", state.pane === "layers", layout.leftWidth),
      [{
        text: fitText(`${padStart("SIZE", 9)}  COMMAND`, layout.leftWidth),
        style: "title" as const,
      }],
      ...layerLines(state, layout.layerRows, layout.leftWidth),
      ...detailLines(state, layout.detailRows, layout.leftWidth),
    ]
    : [];
  const name = state.isAggregated ? "Aggregated Layer Contents" : "Current Layer Contents";
  const right = showsTree
    ? [
      title(name, state.pane === "tree", layout.treeWidth),
      [{ text: fitText(treeHeading(state), layout.treeWidth), style: "title" as const }],
      ...treeLines(state, layout.treeRows, layout.treeWidth),
    ]
    : [];
  const lines: Line[] = [];
  for (let row = 0; row < height; row++) {
    lines.push([
      ...left[row] === undefined ? [] : [{ column: 0, parts: left[row] as Part[] }],
      ...right[row] === undefined
        ? []
        : [{ column: layout.treeColumn, parts: right[row] as Part[] }],
    ]);
  }
  return [
    ...lines,
    one(0, fitText(statusText(state), size.columns), "plain"),
    one(0, fitText(keysText(state), size.columns), "title"),
  ];
}

function one(column: number, text: string, style: Style): Line {
  return [{ column, parts: [{ text, style }] }];
}

function title(text: string, isActive: boolean, width: number): Part[] {
  const head = fitText(`${isActive ? "●" : "│"} ${text} `, width);
  return [
    { text: head, style: isActive ? "active" : "title" },
    { text: "─".repeat(Math.max(0, width - head.length)), style: "title" },
  ];
}

/** What is said, the filter while it is typed, else the path that is chosen. */
function statusText(state: ViewState): string {
  if (state.message !== "") return state.message;
  if (state.isTyping) return `Filter: ${state.filter}▏`;
  const filter = state.filter === "" ? "" : `Filter: ${state.filter}  `;
  const at = chosenPath(state);
  if (at === undefined) return `${filter}nothing to show`;
  const room = state.size.columns - filter.length;
  const bytes = formatBytes(state.tree.sizes[at] as number);
  return filter + pathText(state, at, room - bytes.length - 2) + `  ${bytes}`;
}

/** The keys that can be pressed; those that switch something on say whether it is. */
function keysText(state: ViewState): string {
  if (state.isTyping) return "Enter: done  Esc: no filter  ^C: quit";
  const toggle = (key: string, name: string, isOn: boolean) => `${key}:${isOn ? "■" : "□"}${name}`;
  const { hidden, isAggregated } = state;
  const own = state.pane === "layers"
    ? [toggle("^L", "layer", !isAggregated), toggle("^A", "aggregated", isAggregated)]
    : [
      toggle("^A", "added", !hidden.has("added")),
      toggle("^R", "removed", !hidden.has("removed")),
      toggle("^M", "modified", !hidden.has("modified")),
      toggle("^U", "unmodified", !hidden.has("unmodified")),
      "Space:fold",
      "^Space:all",
      "^B:attributes",
      "^E:extract",
    ];
  return ["q:quit", "Tab:pane", "^F:filter", ...own].join(" ");
}
