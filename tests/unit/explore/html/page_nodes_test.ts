import { assert, assertEquals } from "@std/assert";
import { pageNodes } from "../../../../lib/explore/html/page_nodes.ts";
import { ColumnsBuilder, exploreLayers, readColumns } from "../../../../lib/explore/mod.ts";
import { finishSteps } from "../../../../lib/tree/internal.ts";
import { modelOf, pathOf } from "../../../../lib/explore/page/model.ts";
import type { PageImage } from "../../../../lib/explore/page/data.ts";
import { exploreTrees } from "../../../support/explore/explore.ts";
import { randomLayers, treesOf } from "../../../support/explore/random_layers.ts";
import { forSeeds } from "../../../support/prng.ts";

/** Bytes by code of change. */
function sums(changes: readonly string[]): Record<string, number> {
  const out: Record<string, number> = {};
  for (const text of changes) {
    const pairs: number[] = JSON.parse(text);
    for (let i = 0; i < pairs.length; i += 2) {
      const code = String(pairs[i]);
      out[code] = (out[code] ?? 0) + (pairs[i + 1] ?? 0);
    }
  }
  return out;
}

Deno.test("the paths of a page are those of the report, and folding loses no byte", async () => {
  let hasFolded = false;
  await forSeeds(200, (random) => {
    const trees = treesOf(randomLayers(random));
    const { paths } = exploreTrees(trees);
    const columns = readColumns(paths);
    // While a report is made, the same are packed as afterwards.
    const builder = new ColumnsBuilder();
    const layers = trees.map((tree) => ({ diffId: null, tree }));
    finishSteps(exploreLayers(layers, (path) => builder.add(path)));
    assertEquals(builder.finish(), columns);
    const all = pageNodes(columns, 1000);
    assertEquals(all.folded, { directories: 0, paths: 0 });
    const image = {
      depths: all.depths,
      names: all.names.map((name) => JSON.parse(name)),
    } as unknown as PageImage;
    const model = modelOf(image);
    assertEquals(
      all.depths.map((_, at) => pathOf(model, at)).slice(1),
      Array.from(paths, ({ path }) => `/${path}`),
    );
    const most = random.int(2, 12);
    const few = pageNodes(columns, most);
    assertEquals(sums(few.changes), sums(all.changes));
    assertEquals(few.depths.length + few.folded.paths, all.depths.length);
    assertEquals([...few.types].filter((type) => type === "+").length, few.folded.directories);
    // Entries of the root are never folded.
    const top = all.depths.filter((depth) => depth <= 1).length;
    assert(few.depths.length <= Math.max(most, top));
    hasFolded ||= few.folded.directories > 0;
  });
  assert(hasFolded);
});
