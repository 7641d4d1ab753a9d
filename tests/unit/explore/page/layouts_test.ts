import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
// deno-lint-ignore no-import-prefix
import { hierarchy, partition, treemap as d3Treemap } from "npm:d3-hierarchy@3.1.2";
import { icicle, type MapBox, squarify, treemap } from "../../../../lib/explore/page/layouts.ts";
import { forSeeds } from "../../../support/prng.ts";

type Place = Pick<MapBox, "x" | "y" | "width" | "height">;

const FRAME: Place = { x: 5, y: 7, width: 640, height: 400 };

/** The mean of how far rectangles are from squares, each by its area. */
function elongation(places: readonly Place[]): number {
  const area = places.reduce((sum, { width, height }) => sum + width * height, 0);
  return places.reduce(
    (sum, { width, height }) => sum + Math.max(width / height, height / width) * width * height,
    0,
  ) / area;
}

Deno.test("squarify: areas are as sizes, inside of the frame and beside each other, as square as those of d3", async () => {
  let [own, d3] = [0, 0];
  await forSeeds(60, (random) => {
    const sizes = Array.from({ length: random.int(1, 40) }, () => random.int(1, 10_000))
      .sort((a, b) => b - a);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const places = squarify(sizes, FRAME);
    assertEquals(places.length, sizes.length);
    for (const [i, { x, y, width, height }] of places.entries()) {
      assertAlmostEquals(width * height, (sizes[i] ?? 0) / total * 640 * 400, 1e-3);
      assert(x >= 5 - 1e-6 && y >= 7 - 1e-6, "inside");
      assert(x + width <= 645 + 1e-6 && y + height <= 407 + 1e-6, "inside");
      for (const other of places.slice(i + 1)) {
        const isBeside = other.x >= x + width - 1e-6 || x >= other.x + other.width - 1e-6 ||
          other.y >= y + height - 1e-6 || y >= other.y + other.height - 1e-6;
        assert(isBeside, "rectangles overlap");
      }
    }
    const root = hierarchy({ children: sizes.map((size) => ({ size })) })
      .sum((node: { size?: number }) => node.size ?? 0);
    d3Treemap().size([640, 400])(root);
    const theirs = root.leaves().map(({ x0, y0, x1, y1 }: Record<string, number>) => ({
      x: x0 ?? 0,
      y: y0 ?? 0,
      width: (x1 ?? 0) - (x0 ?? 0),
      height: (y1 ?? 0) - (y0 ?? 0),
    }));
    own += elongation(places);
    d3 += elongation(theirs);
  });
  assert(own <= d3 * 1.1, `${own} beside ${d3}`);
});

/** A tree of two levels: bytes by index. */
const CHILDREN: Readonly<Record<number, readonly number[]>> = { 0: [1, 2, 3], 1: [4, 5], 2: [6] };
const BYTES = [100, 60, 30, 10, 40, 20, 30];
const SOURCE = {
  entries: (at: number) => CHILDREN[at] ?? [],
  bytes: (at: number) => BYTES[at] ?? 0,
};

Deno.test("icicle: levels and heights are those of d3's partition", () => {
  const bounds = { width: 500, height: 300, least: 0, most: 100 };
  const boxes = icicle(SOURCE, 0, bounds);
  const root = hierarchy(0, (at: number) => CHILDREN[at]).sum((at: number) =>
    CHILDREN[at] === undefined ? BYTES[at] ?? 0 : 0
  ).sort((a: { value?: number }, b: { value?: number }) => (b.value ?? 0) - (a.value ?? 0));
  partition().size([300, 300])(root);
  const theirs = root.descendants().map((
    { data, depth, x0, x1 }: { data: number; depth: number; x0: number; x1: number },
  ) => [data, depth, x0, x1 - x0]);
  const own = boxes.map(({ at, depth, y, height }) => [at, depth, y, height]);
  assertEquals(own.sort(), theirs.sort());
  assertEquals(boxes.map(({ x, depth }) => x - 100 * depth), boxes.map(() => 0));
});

Deno.test("maps: no more rectangles than asked for, and none that is too small", () => {
  const many = {
    entries: (at: number) => at === 0 ? Array.from({ length: 5000 }, (_, i) => i + 1) : [],
    bytes: (at: number) => at === 0 ? 5000 : 1,
  };
  for (const layout of [treemap, icicle]) {
    const boxes = layout(many, 0, { width: 800, height: 600, least: 4, most: 300 });
    assert(boxes.length > 0 && boxes.length <= 300, layout.name);
    for (const { width, height } of boxes) assert(width >= 4 && height >= 4, layout.name);
  }
});
