import { assert, assertEquals } from "@std/assert";
import { foldSteps } from "../../../../../../lib/layer/internal.ts";
import { finishSteps } from "../../../../../../lib/tree/internal.ts";
import { type Tree, walk } from "../../../../../../lib/tree/mod.ts";
import { randomLayers, treesOf } from "../../../../../support/explore/random_layers.ts";
import { press, shownRows, viewOf } from "../../../../../support/explore/view.ts";
import { forSeeds } from "../../../../../support/prng.ts";

function pathsOf(layers: readonly Tree[]): Set<string> {
  if (layers.length === 0) return new Set();
  return new Set(Array.from(walk(finishSteps(foldSteps(layers))), ({ path }) => `/${path}`));
}

/** The paths of rows with some status. */
function having(rows: readonly string[], letters: string): string[] {
  return rows.filter((row) => letters.includes(row[0] as string)).map((row) => row.slice(2));
}

Deno.test("the tree of a layer is the folded image, with what the layer adds and removes", async () => {
  let [removed, modified] = [0, 0];
  await forSeeds(14, (random) => {
    const trees = treesOf(randomLayers(random));
    let state = press(viewOf(trees.map((tree) => ({ tree }))), "tab");
    for (let layer = 0; layer < trees.length; layer++) {
      for (const isAggregated of [false, true]) {
        state = press(state, "tab", isAggregated ? "ctrl-a" : "ctrl-l", "tab");
        const after = pathsOf(trees.slice(0, layer + 1));
        const before = pathsOf(trees.slice(0, isAggregated ? 1 : layer));
        const rows = shownRows(state);
        assertEquals(having(rows, "UAM"), [...after], `layer ${layer}`);
        assertEquals(having(rows, "A"), [...after].filter((path) => !before.has(path)));
        assertEquals(having(rows, "D"), [...before].filter((path) => !after.has(path)));
        removed += having(rows, "D").length;
        // A directory with a change in it is modified, too.
        for (const path of having(rows, "AMD")) {
          const parent = path.slice(0, path.lastIndexOf("/"));
          assert(parent === "" || !having(rows, "U").includes(parent), path);
        }
        modified += having(rows, "M").length;
      }
      state = press(state, "tab", "down", "tab");
    }
  });
  assert(removed > 5 && modified > 5);
});

Deno.test("the sizes of directories are those of the files below them that are there", async () => {
  await forSeeds(12, (random) => {
    const trees = treesOf(randomLayers(random));
    const state = press(viewOf(trees.map((tree) => ({ tree }))), "end");
    const root = finishSteps(foldSteps(trees));
    let bytes = 0;
    for (const { path, node } of walk(root)) {
      if (node.type === "file" && (node.group ?? path) === path) bytes += node.size;
    }
    const { columns } = state.model;
    let sum = 0;
    for (let at = 1; at < columns.count; at = columns.ends[at] as number) {
      sum += state.tree.sizes[at] as number;
    }
    // Names of one inode count once in a layer, not in an image: a name may lose the one that counts.
    assert(sum <= bytes);
    if (!trees.some(hasLinks)) assertEquals(sum, bytes);
  });
});

function hasLinks(tree: Tree): boolean {
  return Array.from(walk(tree)).some(({ node }) => node.type === "file" && node.group !== null);
}
