/** Valid layers out of random entries. */
import { VarveError } from "../../../lib/errors.ts";
import { layerOf } from "../extraction/arena.ts";
import type { Prng } from "../prng.ts";
import { type TarFixture, tarOf } from "../tar/tar_fixture.ts";

/** One to six layers, the lowest first; sometimes one of them comes again on top. */
export function stackOf(
  random: Prng,
  layer: () => Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer>[] {
  const stack = Array.from({ length: random.int(1, 6) }, layer);
  if (random.chance(0.2)) stack.push(random.pick(stack));
  return stack;
}

/** The first tar that is a valid layer. `entries` gives other ones at each call. */
export function validTar(entries: () => readonly TarFixture[]): Uint8Array<ArrayBuffer> {
  for (;;) {
    const tar = tarOf(entries());
    try {
      layerOf(tar);
      return tar;
    } catch (error) {
      // Layers that break the rules are tested elsewhere.
      if (!(error instanceof VarveError)) throw error;
    }
  }
}
