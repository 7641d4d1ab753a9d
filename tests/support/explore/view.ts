/** The terminal view of the explorer, without a terminal. */
import type { ExploredLayer } from "../../../lib/explore/mod.ts";
import { viewModel } from "../../../lib/cli/verbs/explore/terminal/model.ts";
import { screenLines } from "../../../lib/cli/verbs/explore/terminal/screen.ts";
import {
  firstState,
  pressed,
  type ViewState,
} from "../../../lib/cli/verbs/explore/terminal/state.ts";
import { explore } from "./explore.ts";

/** The view of some layers at its beginning, lowest layer first. */
export function viewOf(
  layers: readonly (Pick<ExploredLayer, "tree"> & Partial<ExploredLayer>)[],
  columns = 120,
  rows = 40,
): ViewState {
  const full = layers.map((layer) => ({ diffId: null, ...layer }));
  const model = viewModel({
    layers: full,
    facts: { imageId: null, platform: "linux/amd64", created: null },
    source: { kind: "store", name: "app:1", manifest: null, blobs: [] },
    usage: null,
  }, explore(full));
  return firstState(model, { columns, rows });
}

/** The view after some keys. */
export function press(state: ViewState, ...keys: readonly string[]): ViewState {
  return keys.reduce(pressed, state);
}

/** What is to be seen, as one text. */
export function screenText(state: ViewState): string {
  return screenLines(state).map((line) => {
    let text = "";
    for (const { column, parts } of line) {
      text = text.padEnd(column) + parts.map((part) => part.text).join("");
    }
    return text.trimEnd();
  }).join("\n");
}

/** Status and path of each row of the tree, also of those that are not on the screen: `A /etc/passwd`. */
export function shownRows({ model: { columns }, tree }: ViewState): string[] {
  const letters = " UAMD";
  return Array.from(tree.rows, (at) => {
    let path = "";
    for (let i = at; i !== 0; i = columns.parents[i] as number) {
      path = `/${columns.names[i]}${path}`;
    }
    return `${letters[tree.codes[at] as number]} ${path}`;
  });
}
