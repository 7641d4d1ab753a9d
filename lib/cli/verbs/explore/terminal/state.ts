/** What the terminal view shows now. A key or another size makes a new state; nothing here touches a terminal. */
import type { Key } from "./keys.ts";
import { isCharacter } from "./keys.ts";
import { type Layout, layoutOf, type Size } from "./layout.ts";
import type { ViewModel } from "./model.ts";
import { pathMatches } from "./path_filter.ts";
import { changeAt, type Status, type TreeChoice, type TreeRows, treeRows } from "./tree_rows.ts";

/** The state of the view. */
export interface ViewState extends TreeChoice {
  readonly model: ViewModel;
  readonly size: Size;
  /** Where keys go. */
  readonly pane: "layers" | "tree";
  /** Whether attributes are shown; `undefined`: where there is room. */
  readonly attributes: boolean | undefined;
  /** The filter, as it was typed. */
  readonly filter: string;
  /** Whether the filter is being typed. */
  readonly isTyping: boolean;
  readonly tree: TreeRows;
  /** Index of the chosen row of the tree, and of the first one on the screen. */
  readonly cursor: number;
  readonly top: number;
  /** Index of the first layer on the screen. */
  readonly layerTop: number;
  /** What is to be said, until the next key. */
  readonly message: string;
  /** What the one who shows the view has to do. */
  readonly wish: "quit" | { readonly extract: number } | undefined;
}

/** The state at the beginning: the lowest layer, all directories open, as dive has it. */
export function firstState(model: ViewModel, size: Size): ViewState {
  const choice: TreeChoice = {
    layer: 0,
    isAggregated: false,
    hidden: new Set<Status>(),
    collapsed: new Uint8Array(model.columns.count),
    matches: undefined,
  };
  return {
    model,
    size,
    ...choice,
    pane: "layers",
    attributes: undefined,
    filter: "",
    isTyping: false,
    tree: treeRows(model.columns, choice),
    cursor: 0,
    top: 0,
    layerTop: 0,
    message: "",
    wish: undefined,
  };
}

/** The state on a terminal of another size. */
export function resized(state: ViewState, size: Size): ViewState {
  return scrolled({ ...state, size });
}

/** The state that says something. */
export function saying(state: ViewState, message: string): ViewState {
  return { ...state, message };
}

/** The path that is chosen; `undefined` where the tree shows none. */
export function chosenPath({ tree, cursor }: ViewState): number | undefined {
  return tree.rows[cursor];
}

/** The state after a key. */
export function pressed(before: ViewState, key: Key): ViewState {
  const state = { ...before, message: "", wish: undefined };
  if (key === "ctrl-c") return { ...state, wish: "quit" };
  return scrolled(state.isTyping ? typed(state, key) : commanded(state, key));
}

/** A key while the filter is being typed. */
function typed(state: ViewState, key: Key): ViewState {
  if (isCharacter(key)) return filtered(state, state.filter + key);
  switch (key) {
    case "backspace":
      return filtered(state, [...state.filter].slice(0, -1).join(""));
    case "enter":
    case "tab":
    case "ctrl-f":
    case "ctrl-slash":
      return { ...state, isTyping: false };
    case "escape":
      return { ...filtered(state, ""), isTyping: false };
    case "up":
    case "down":
    case "page-up":
    case "page-down":
      return moved(state, key);
    default:
      return state;
  }
}

function commanded(state: ViewState, key: Key): ViewState {
  switch (key) {
    case "q":
      return { ...state, wish: "quit" };
    case "tab":
    case "back-tab":
      return { ...state, pane: state.pane === "layers" ? "tree" : "layers" };
    case "ctrl-f":
    case "ctrl-slash":
      return { ...state, isTyping: true, pane: "tree" };
    case "escape":
      return state.filter === "" ? state : filtered(state, "");
    default:
      return state.pane === "layers" ? inLayers(state, key) : inTree(state, key);
  }
}

function inLayers(state: ViewState, key: Key): ViewState {
  const { layer, model: { layers } } = state;
  const page = layoutOfState(state).layerRows;
  const step = stepOf(key, page, layers.length);
  if (step !== undefined) {
    return chosen(state, { layer: clamp(layer + step, layers.length) });
  }
  switch (key) {
    case "left":
    case "h":
      return chosen(state, { layer: clamp(layer - 1, layers.length) });
    case "right":
    case "l":
      return chosen(state, { layer: clamp(layer + 1, layers.length) });
    case "ctrl-a":
      return chosen(state, { isAggregated: true });
    case "ctrl-l":
      return chosen(state, { isAggregated: false });
    default:
      return state;
  }
}

/** The keys of the tree that show or hide a status. */
const STATUS_KEYS: Readonly<Record<Key, Status>> = {
  "ctrl-a": "added",
  "ctrl-r": "removed",
  enter: "modified",
  "ctrl-u": "unmodified",
};

function inTree(state: ViewState, key: Key): ViewState {
  const { model: { columns }, collapsed } = state;
  const status = STATUS_KEYS[key];
  if (status !== undefined) {
    const hidden = new Set(state.hidden);
    if (!hidden.delete(status)) hidden.add(status);
    return chosen(state, { hidden });
  }
  const at = chosenPath(state);
  const isDirectory = at !== undefined && hasEntries(state, at);
  switch (key) {
    case "ctrl-b":
      return { ...state, attributes: !showsAttributes(state) };
    case "ctrl-space": {
      const isOpen = collapsed.every((one) => one === 0);
      const all = new Uint8Array(columns.count);
      if (isOpen) columns.ends.forEach((end, i) => all[i] = i > 0 && end > i + 1 ? 1 : 0);
      return chosen(state, { collapsed: all });
    }
    case " ":
      return isDirectory ? closed(state, at, collapsed[at] === 0) : state;
    case "left":
    case "h": {
      const parent = at === undefined ? 0 : columns.parents[at] as number;
      return parent === 0 ? state : { ...state, cursor: rowOf(state.tree, parent) };
    }
    case "right":
    case "l": {
      if (!isDirectory) return state;
      const open = closed(state, at, false);
      const next = open.tree.rows[open.cursor + 1];
      const isInside = next !== undefined && next < (columns.ends[at] as number);
      return isInside ? { ...open, cursor: open.cursor + 1 } : open;
    }
    case "ctrl-e":
      return at === undefined ? state : { ...state, wish: { extract: at } };
    default:
      return moved(state, key);
  }
}

/** Moves the cursor of the tree. */
function moved(state: ViewState, key: Key): ViewState {
  const { length } = state.tree.rows;
  const step = stepOf(key, layoutOfState(state).treeRows, length);
  return step === undefined ? state : { ...state, cursor: clamp(state.cursor + step, length) };
}

/** By how many rows a key moves; `undefined` for a key that does not. */
function stepOf(key: Key, page: number, length: number): number | undefined {
  switch (key) {
    case "up":
    case "k":
      return -1;
    case "down":
    case "j":
      return 1;
    case "page-up":
    case "u":
      return -page;
    case "page-down":
    case "d":
      return page;
    case "home":
      return -length;
    case "end":
      return length;
    default:
      return undefined;
  }
}

/** Whether attributes are shown. */
export function showsAttributes(state: ViewState): boolean {
  return state.attributes ?? layoutOfState(state).hasAttributes;
}

/** Where things are on the screen. */
export function layoutOfState({ size, model }: ViewState): Layout {
  return layoutOf(size, model.layers.length);
}

function hasEntries({ model: { columns } }: ViewState, at: number): boolean {
  return (columns.ends[at] as number) > at + 1;
}

function closed(state: ViewState, at: number, isClosed: boolean): ViewState {
  if ((state.collapsed[at] === 1) === isClosed) return state;
  const collapsed = state.collapsed.slice();
  collapsed[at] = isClosed ? 1 : 0;
  return chosen(state, { collapsed });
}

function filtered(state: ViewState, filter: string): ViewState {
  const matches = filter === "" ? undefined : pathMatches(state.model.columns, filter);
  return { ...chosen(state, { matches }), filter };
}

/** The state for another choice. The cursor stays on its path, or on the one before it that is shown. */
function chosen(state: ViewState, choice: Partial<TreeChoice>): ViewState {
  const next = { ...state, ...choice };
  const tree = treeRows(state.model.columns, next);
  const at = chosenPath(state);
  return { ...next, tree, cursor: at === undefined ? 0 : rowOf(tree, at) };
}

/** Index of the row of a path; where it is not shown, of the last row before it. */
function rowOf({ rows }: TreeRows, at: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle] as number) <= at) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** Scrolls so that what is chosen is on the screen. */
function scrolled(state: ViewState): ViewState {
  const { treeRows: rows, layerRows } = layoutOfState(state);
  return {
    ...state,
    top: scrollTop(state.top, state.cursor, rows, state.tree.rows.length),
    layerTop: scrollTop(state.layerTop, state.layer, layerRows, state.model.layers.length),
  };
}

function scrollTop(top: number, cursor: number, height: number, length: number): number {
  const least = Math.max(0, cursor - height + 1);
  const most = Math.min(cursor, Math.max(0, length - height));
  return Math.max(least, Math.min(top, Math.max(least, most)));
}

function clamp(at: number, length: number): number {
  return Math.max(0, Math.min(at, length - 1));
}

/** The change that a path has in the chosen layer; -1 for none. */
export function shownChange({ model: { columns }, layer }: ViewState, at: number): number {
  return changeAt(columns, at, layer);
}

/** The absolute path of an index, as `escapeForTerminal` shows it. */
export function wholePath({ model: { columns } }: ViewState, at: number): string {
  const names: string[] = [];
  for (let i = at; i !== 0; i = columns.parents[i] as number) {
    names.push(columns.names[i] as string);
  }
  return `/${names.reverse().join("/")}`;
}
