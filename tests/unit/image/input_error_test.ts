import { assert, assertEquals } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { inputError, layerError } from "../../../lib/image/input_error.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

const of = (label: string) => ({ label, verb: "load", wanted: "give an archive" });

Deno.test("errors about bytes get the name of the file, whatever the name is", async () => {
  const noTar = new VarveError("E_HEADER", "Cannot read tar entry at byte 0: the checksum differs");
  const later = new VarveError("E_HEADER", "Cannot read tar entry at byte 512: its size is bad");
  for (const label of ["a", "byte", "tar", "0", "Cannot", "/x y/z"]) {
    const named = async (error: unknown) => await inputError(error, of(label)) as VarveError;
    const { message, details } = await named(noTar);
    assertEquals(message, `Cannot load ${label}: it is no tar, gzip or zstd archive`);
    assertEquals([details.subject, details.hint], [label, "give an archive"]);
    const other = await named(later);
    assertEquals(
      [other.code, other.message],
      ["E_HEADER", `Cannot load ${label}: cannot read tar entry at byte 512: its size is bad`],
    );
    assert(other.cause === later);
  }
});

Deno.test("an error that names the file, or is not about its bytes, stays as it is", async () => {
  for (
    const error of [
      new VarveError("E_FORMAT", "Cannot load a: it holds no image"),
      new VarveError("E_MISSING", 'Cannot read "b" of a: the archive does not hold it'),
      new VarveError("E_NOT_FOUND", "Cannot find x"),
      new VarveError("E_SYSCALL", "Cannot write: no space left on device"),
      new TypeError("Cannot read tar entry at byte 0: x"),
    ]
  ) assertEquals(await inputError(error, of("a")), error);
});

Deno.test("an error about a layer is none about the archive that holds it", async () => {
  const bytes = [
    new VarveError("E_HEADER", "Cannot read tar entry at byte 0: the checksum differs"),
    new VarveError("E_COMPRESSION", "Cannot decompress stream: it is xz"),
    new VarveError(
      "E_TRUNCATED",
      "Cannot read tar archive: it is truncated after 9 bytes, in a header",
    ),
  ];
  for (const error of bytes) {
    const { code, message, details } = await inputError(
      layerError(error, "load", "l/1.tar"),
      of("a.tar"),
    ) as VarveError;
    const reason = error.message.replace("C", "c");
    assertEquals(
      [code, message, details.hint],
      [error.code, `Cannot load a.tar: cannot load layer l/1.tar: ${reason}`, undefined],
    );
  }
  const named = new VarveError("E_DIFFID", "Cannot verify layer of diffID x: it differs");
  assertEquals(layerError(named, "load", "l/1.tar"), named);
});

Deno.test("a compressed file without a tar is told from one that is no archive", async () => {
  await using temp = await tempDir();
  await Deno.writeFile(temp.join("x.gz"), new Uint8Array([0x1f, 0x8b, 8, 0]));
  const noTar = new VarveError("E_HEADER", "Cannot read tar entry at byte 0: the checksum differs");
  const { message } = await inputError(noTar, of(temp.join("x.gz"))) as VarveError;
  assertEquals(
    message,
    `Cannot load ${temp.join("x.gz")}: it is compressed, but what it holds is no tar`,
  );
});
