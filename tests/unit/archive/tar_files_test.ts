import { assertEquals } from "@std/assert";
import { loadImages } from "../../../lib/archive/mod.ts";
import { DEFAULT_TAR_LIMITS } from "../../../lib/codec/tar/mod.ts";
import { openMemoryStore } from "../../../lib/store/mod.ts";
import { archiveTar, buildImage, dockerFiles } from "../../support/images/images.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { tarEntry } from "../../support/tar/tar_fixture.ts";

Deno.test("an archive on the disk may be larger than a layer may be", async () => {
  await using temp = await tempDir("varve-tar-files-");
  const path = temp.join("large.tar");
  const size = DEFAULT_TAR_LIMITS.layerBytes + 512;
  const image = buildImage({ name: "x.org/app:1", layers: [[{ name: "f" }]] });
  {
    // The large entry is a hole in the file.
    using file = await Deno.open(path, { write: true, create: true });
    const header = tarEntry({ name: "large", pax: { size: String(size) } });
    await file.write(header);
    await file.seek(header.length + size, Deno.SeekMode.Start);
    const rest = archiveTar(dockerFiles([image]));
    assertEquals(await file.write(rest), rest.length);
  }
  await using store = openMemoryStore();
  const images = await loadImages(store, path);
  assertEquals(images.flatMap(({ names }) => names), ["x.org/app:1"]);
});
