/** Layers whose last padding is cut, as writers that are never closed make them, through all of varve. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Cli } from "../../support/cli/cli.ts";
import { archiveTar, buildImage, dockerFiles, ociFiles } from "../../support/images/images.ts";
import { needs } from "../../support/machine/needs.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { concat, file } from "../../support/tar/raw_blocks.ts";

const NAME = "example.org/app:1";
const LAST = "the last file ".repeat(50);
const WARNING = "the padding at the end of the tar is cut";

/** A tar of two files. Of the last padding, `padding` bytes are there. */
function cutTar(padding: number): Uint8Array<ArrayBuffer> {
  const first = file("first", "1");
  return concat(first, file("last", LAST)).slice(0, first.length + 512 + LAST.length + padding);
}

for (const packing of ["none", "gzip", "zstd"] as const) {
  for (const padding of [0, 7]) {
    Deno.test(`D34 a layer (${packing}) with ${padding} bytes of its last padding is loaded with one warning`, async () => {
      await using temp = await tempDir();
      const cli = new Cli(temp.join("store"));
      const image = buildImage({ name: NAME, layers: [cutTar(padding)], packing });
      await Deno.writeFile(temp.join("a.tar"), archiveTar(ociFiles([image])));
      const { code, stderr } = await cli.any(["load", temp.join("a.tar")]);
      assertEquals(code, 0, stderr);
      assertEquals(stderr.split("\n").filter((line) => line.includes("warning")).length, 1, stderr);
      assertStringIncludes(stderr, WARNING);
      assertEquals(await cli.text(["cat", `${NAME}:/last`]), LAST);
      // The tar is kept byte by byte.
      await cli.text(["save", NAME, "-o", temp.join("b.tar")]);
      const again = new Cli(temp.join("again"));
      const [{ layers }] = (await again.json(["load", temp.join("b.tar")])).images;
      assertEquals(layers[0].diffId, image.layers[0]?.diffId);
    });
  }
}

Deno.test("D34 append and import take a tar whose last padding is cut, and the archive around it may be cut so, too", async () => {
  await using temp = await tempDir();
  const cli = new Cli(temp.join("store"));
  await Deno.writeFile(temp.join("cut.tar"), cutTar(0));
  for (
    const args of [["import", temp.join("cut.tar"), NAME], [
      "append",
      NAME,
      temp.join("cut.tar"),
      NAME,
    ]]
  ) {
    const { code, stderr } = await cli.any(args);
    assertEquals(code, 0, stderr);
    if (args[0] === "import") assertStringIncludes(stderr, WARNING);
    assertEquals(await cli.text(["cat", `${NAME}:/last`]), LAST);
  }
  const whole = archiveTar(
    dockerFiles([buildImage({ name: "example.org/b:1", layers: [cutTar(3)] })]),
  );
  const end = whole.findLastIndex((byte) => byte !== 0) + 1;
  await Deno.writeFile(temp.join("b.tar"), whole.slice(0, end));
  for (const source of [[temp.join("b.tar")], ["-"]]) {
    const { code, stderr } = await cli.any(["load", ...source], { stdin: whole.slice(0, end) });
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "the padding at the end of the archive is cut");
    await cli.text(["rmi", "example.org/b:1"]);
  }
});

for (const driver of ["erofs", "overlay", "native"]) {
  Deno.test({
    name: `D34 the file at the cut is whole in a mount by the driver ${driver}`,
    ...needs({ root: true, mount: true, kernel: "6.12" }),
    async fn() {
      await using temp = await tempDir("varve-cut-", "/var/tmp");
      const cli = new Cli(temp.join("store"), { env: { VARVE_DRIVER: driver } });
      const image = buildImage({ name: NAME, layers: [cutTar(1)] });
      await Deno.writeFile(temp.join("a.tar"), archiveTar(ociFiles([image])));
      await cli.text(["load", temp.join("a.tar")]);
      await Deno.mkdir(temp.join("mnt"));
      await cli.text(["mount", NAME, temp.join("mnt")]);
      try {
        assertEquals(await Deno.readTextFile(temp.join("mnt/last")), LAST);
        assertEquals(await Deno.readTextFile(temp.join("mnt/first")), "1");
      } finally {
        await cli.text(["umount", temp.join("mnt")]);
      }
    },
  });
}
