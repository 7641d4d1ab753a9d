import { assertEquals } from "@std/assert";
import { judgeFolders, MAX_FILES } from "./folders.ts";
import { PROJECT } from "./sources.ts";
import { makeTree } from "./tree_fixture.ts";

Deno.test("the project keeps the laws of folders", async () => {
  assertEquals(await judgeFolders(PROJECT), []);
});

/** So many empty files in a folder. */
function filesIn(folder: string, count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${folder}/f${i}.ts`, ""]));
}

Deno.test("the law of the size of folders can fail", async () => {
  await using tree = await makeTree({
    ...filesIn("lib/oci", MAX_FILES),
    ...filesIn("lib/tree", MAX_FILES),
    ...filesIn("lib/tree/packed", MAX_FILES + 1),
    ...filesIn("lib", MAX_FILES + 2),
    ...filesIn("workers", MAX_FILES + 1),
  });
  assertEquals(await judgeFolders(tree.path), [
    "lib/tree/packed: 31 files, more than 30",
    "lib: 32 files, more than 30",
  ]);
});

Deno.test("the law of the mirror can fail", async () => {
  await using tree = await makeTree({
    "lib/errors.ts": "",
    "lib/codec/tar/reader.ts": "",
    "tests/unit/errors_test.ts": "",
    "tests/unit/gone_test.ts": "",
    "tests/unit/codec/formats_test.ts": "",
    "tests/unit/codec/tar/reader_test.ts": "",
    "tests/unit/codec/zip/reader_test.ts": "",
    "tests/unit/gone/a_test.ts": "",
    "tests/unit/gone/b_test.ts": "",
  });
  assertEquals(await judgeFolders(tree.path), [
    "tests/unit/codec/zip: mirrors lib/codec/zip, which does not exist",
    "tests/unit/gone: mirrors lib/gone, which does not exist",
    "tests/unit/gone_test.ts: mirrors lib/gone.ts, which does not exist",
  ]);
});
