/** The content of files: copied from the tars of layers, and verified while it is copied. */
import { assertEquals, assertThrows } from "@std/assert";
import { VarveError } from "../../../../lib/errors.ts";
import { arena, layerOf, OVERLAY_POLICY, rootTreeOf } from "../../../support/extraction/arena.ts";
import { needs } from "../../../support/machine/needs.ts";
import { type TarFixture, tarOf } from "../../../support/tar/tar_fixture.ts";

const MIB = 1024 * 1024;

/** Content of a size that repeats only after 251 bytes. */
function contentOf(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, i) => i % 251);
}

/** Sizes around that of the buffer: one call, exactly one buffer, several buffers. */
const SIZES = [1, 511, 512, 513, MIB - 1, MIB, MIB + 1, 9 * MIB + 5];

Deno.test({
  name: "files of all sizes have the bytes of their layer",
  ...needs({ root: true }),
  async fn() {
    await using place = await arena();
    const report = place.extract([
      layerOf(SIZES.map((size): TarFixture => ({ name: `f${size}`, content: contentOf(size) }))),
    ]);
    assertEquals(report.bytes, SIZES.reduce((sum, size) => sum + size, 0));
    for (const size of SIZES) {
      assertEquals(await Deno.readFile(`${place.root}/f${size}`), contentOf(size), `${size}`);
    }
  },
});

for (const size of SIZES) {
  for (const at of new Set([0, size >> 1, size - 1])) {
    Deno.test({
      name: `a changed byte at ${at} of a file of ${size} bytes ends the extraction`,
      ...needs({ root: true }),
      async fn() {
        await using place = await arena();
        const file = { name: "d/file", content: contentOf(size) };
        const layer = layerOf([file]);
        const tar = layer.tar.slice();
        const start = tar.length - tarOf([file]).length + 512;
        tar[start + at] = tar[start + at]! ^ 1;
        const error = assertThrows(() => place.extract([{ ...layer, tar }]), VarveError);
        assertEquals([error.code, error.details.subject], ["E_DIGEST", "d/file"]);
        assertEquals(
          error.message,
          `Cannot extract d/file: its bytes in layer ${layer.diffId} are damaged`,
        );
        assertEquals((error.cause as VarveError).details.subject, layer.diffId);
      },
    });
  }
}

Deno.test({
  name: "a tar that ends within a file is told, with its layer",
  ...needs({ root: true }),
  async fn() {
    await using place = await arena();
    const layer = layerOf([{ name: "file", content: contentOf(5000) }]);
    const cut = { ...layer, tar: layer.tar.slice(0, 2000) };
    const error = assertThrows(
      () => place.extract([cut], { tree: rootTreeOf([layer]), policy: OVERLAY_POLICY }),
      VarveError,
    );
    assertEquals([error.code, error.details.actual], ["E_DAMAGE", 2000]);
    assertEquals((error.cause as VarveError).details.subject, layer.diffId);
  },
});
