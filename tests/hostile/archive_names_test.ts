import { assertEquals } from "@std/assert";
import { loadImages } from "../../lib/archive/mod.ts";
import type { VarveError } from "../../lib/errors.ts";
import { createPool } from "../../lib/pool/mod.ts";
import { openMemoryStore } from "../../lib/store/mod.ts";
import { buildImage, ociFiles } from "../support/images/images.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { type TarFixture, tarOf } from "../support/tar/tar_fixture.ts";

/** What becomes of a load; the same from a file and from a stream. */
async function verdict(archive: Uint8Array<ArrayBuffer>): Promise<string> {
  await using temp = await tempDir();
  await Deno.writeFile(temp.join("a.tar"), archive);
  const codes = [];
  for (const source of [temp.join("a.tar"), ReadableStream.from([archive])]) {
    await using store = openMemoryStore();
    await using pool = createPool({ inline: true });
    codes.push(
      await loadImages(store, source, { pool }).then(() => "OK", (error: VarveError) => error.code),
    );
  }
  assertEquals(codes[1], codes[0], "a stream and a file must agree");
  return codes[0] as string;
}

Deno.test("archive: a name has at most 4,095 bytes", async () => {
  const image = buildImage({ name: "x.org/app:1", layers: [[{ name: "f", content: "f" }]] });
  const files = Array.from(ociFiles([image]), ([name, content]): TarFixture => ({ name, content }));
  for (const more of [{ content: "x" }, { target: "x" }]) {
    const named = (length: number) => {
      const path = "d/".repeat(length).slice(0, length - 2) + "ff";
      return verdict(tarOf([...files, { name: "f", pax: { path }, ...more }]));
    };
    assertEquals([await named(4095), await named(4096)], ["OK", "E_NAME_TOO_LONG"]);
  }
});
