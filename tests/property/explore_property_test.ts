/** Laws of the explorer, over generated images. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { exploreTrees } from "../support/explore/explore.ts";
import { naiveDive } from "../support/explore/naive_dive.ts";
import { naiveReport, plainReport } from "../support/explore/naive_report.ts";
import { randomLayers, treesOf } from "../support/explore/random_layers.ts";
import { forSeeds } from "../support/prng.ts";

const CASES = 1000;

Deno.test("explore: all sums and changes are those of the root trees, over generated images", async () => {
  const kinds = new Set<string>();
  await forSeeds(CASES, (random) => {
    const trees = treesOf(randomLayers(random));
    const report = exploreTrees(trees);
    const plain = plainReport(report);
    assertEquals(plain, naiveReport(trees));
    for (const layer of plain.layers) {
      for (const [kind, { count }] of Object.entries(layer.changes)) if (count > 0) kinds.add(kind);
    }
    for (const [cause, { bytes }] of Object.entries(plain.waste)) if (bytes > 0) kinds.add(cause);
    const waste = Object.values(plain.waste).reduce((sum, { bytes }) => sum + bytes, 0);
    assertEquals(waste + plain.image.bytes, plain.layerBytes);
    const { efficiency } = report;
    assertAlmostEquals(efficiency, plain.layerBytes === 0 ? 1 : 1 - waste / plain.layerBytes);
  });
  assertEquals([...kinds].sort(), [
    "added",
    "attributes",
    "content",
    "copied",
    "deleted",
    "overwritten",
    "same",
  ]);
});

Deno.test("explore: the score of dive is that of its steps, over generated images", async () => {
  await forSeeds(CASES, (random) => {
    const trees = treesOf(randomLayers(random));
    const { dive, layers, layerBytes } = exploreTrees(trees);
    const inefficient = dive.inefficient.map(({ path, count, bytes }) =>
      `${path} ${count} ${bytes}`
    ).sort();
    const { score, wastedBytes } = dive;
    assertEquals({ score, wastedBytes, inefficient }, naiveDive(trees));
    assertEquals(dive.inefficientCount, inefficient.length);
    assertEquals(dive.userBytes, layerBytes - (layers[0]?.bytes ?? 0));
  });
});
