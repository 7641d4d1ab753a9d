/** The scanner's tree depends on the bytes alone, not on how they are cut. */
import { assertEquals } from "@std/assert";
import { type DiffId, sha256 } from "../../lib/digest/mod.ts";
import { LayerScanner } from "../../lib/layer_job/scanner.ts";
import { linesOf } from "../support/images/entries.ts";
import { forSeeds, type Prng } from "../support/prng.ts";
import { type TarFixture, tarOf } from "../support/tar/tar_fixture.ts";

/** A small layer with names that collide, links, whiteouts and contents of all sizes around a block's. */
function randomLayer(random: Prng): Uint8Array<ArrayBuffer> {
  const name = () => random.pick(["a", "b", "ab", "x".repeat(120)]);
  const entries: TarFixture[] = [];
  let last: string | undefined;
  for (let i = random.int(0, 13); i > 0; i--) {
    const path = random.chance(0.5) ? name() : `d${name()}/${name()}`;
    switch (random.int(0, 6)) {
      case 0:
        entries.push({ name: `d${name()}/` });
        break;
      case 1:
        entries.push({ name: `l${i}${path}`, type: "symlink", target: name() });
        break;
      case 2:
        entries.push({ name: `d${name()}/.wh.${name()}`, content: "" });
        break;
      case 3:
        if (last !== undefined) entries.push({ name: `h${i}`, type: "hardlink", target: last });
        break;
      default:
        last = `f${i}${path}`;
        entries.push({ name: last, content: random.bytes(random.int(0, 1600)) });
    }
  }
  return tarOf(entries);
}

function scan(
  pieces: readonly Uint8Array[],
  diffId: DiffId,
): readonly [digest: string, lines: readonly (readonly string[])[], warnings: readonly string[]] {
  const scanner = new LayerScanner();
  for (const piece of pieces) scanner.push(piece);
  const { tree, warnings } = scanner.finish(diffId);
  return [tree.digest, [...linesOf(tree)], warnings.map(({ code, count }) => `${code} ${count}`)];
}

Deno.test("a layer's tree does not depend on how its bytes are cut", async () => {
  await forSeeds(1000, (random) => {
    const tar = randomLayer(random);
    const diffId = sha256(tar) as DiffId;
    const pieces = random.split(tar, random.pick([2, 100, 513, 5000]));
    assertEquals(scan(pieces, diffId), scan([tar], diffId));
  });
});
