import { assertEquals, assertStrictEquals } from "@std/assert";
import { FileCopier } from "../../../../lib/upkeep/backup/copy_files.ts";
import { leakTest } from "../../../support/machine/leaks.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

leakTest("a large file is copied whole, with its mode", async () => {
  await using temp = await tempDir();
  const bytes = new Uint8Array(33 * 2 ** 20 + 5).fill(3);
  await Deno.writeFile(temp.join("from"), bytes, { mode: 0o444 });
  const files = new FileCopier(false, undefined);
  const umask = Deno.umask(0o077);
  try {
    assertEquals(await files.file(temp.join("from"), temp.join("to")), true);
  } finally {
    Deno.umask(umask);
  }
  assertEquals(await Deno.readFile(temp.join("to")), bytes);
  assertEquals(((await Deno.stat(temp.join("to"))).mode ?? 0) & 0o777, 0o444);
  assertEquals([files.copied, files.linked, files.bytes], [1, 0, bytes.length]);
  assertEquals(await files.file(temp.join("none"), temp.join("to2")), false);
});

leakTest("the copy of a large file hears an abort", async () => {
  await using temp = await tempDir();
  const bytes = new Uint8Array(64 * 2 ** 20);
  await Deno.writeFile(temp.join("from"), bytes);
  const abort = new AbortController();
  const copy = new FileCopier(false, abort.signal).file(temp.join("from"), temp.join("to"));
  setTimeout(() => abort.abort("enough"));
  assertStrictEquals(await copy.catch((error) => error), "enough");
});
