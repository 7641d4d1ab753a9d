import { assertEquals } from "@std/assert";
import { judgeExports, judgeShape, MAX_LINES, MAX_WORKER_LINES } from "./shape.ts";
import { PROJECT } from "./sources.ts";
import { makeTree } from "./tree_fixture.ts";

Deno.test("the project keeps the laws of shape", async () => {
  assertEquals(await judgeShape(PROJECT), []);
});

Deno.test("a subpath export exists exactly when its room does", async () => {
  const manifest = JSON.parse(await Deno.readTextFile(`${PROJECT}/deno.json`));
  assertEquals(await judgeExports(PROJECT, manifest), []);
});

Deno.test("the laws of shape can fail", async () => {
  await using tree = await makeTree({
    "lib/oci/long.ts": "\n".repeat(MAX_LINES + 1),
    "lib/oci/just.ts": "\n".repeat(MAX_LINES),
    "lib/oci/camelCase.ts": "",
    "lib/oci/kebab-case.ts": "",
    "lib/oci/index.ts": "",
    "lib/oci/_private.ts": "",
    "lib/oci/reference.ts": `/// <reference lib="deno.worker" />\n`,
    "workers/long.ts": "\n".repeat(MAX_WORKER_LINES + 1),
    "tests/unit/oci/long_test.ts": "\n".repeat(MAX_LINES + 1),
  });
  assertEquals(await judgeShape(tree.path), [
    "lib/oci/camelCase.ts: the name camelCase is not snake_case",
    "lib/oci/index.ts: the door of a folder is mod.ts",
    "lib/oci/kebab-case.ts: the name kebab-case is not snake_case",
    "lib/oci/long.ts: 401 lines, more than 400",
    "lib/oci/reference.ts: a lib reference is not publishable",
    "tests/unit/oci/long_test.ts: 401 lines, more than 400",
    "workers/long.ts: 41 lines, more than 40",
    "workers/long.ts: the entry does not ask whether it is in a worker",
  ]);
});

Deno.test("the law of exports can fail", async () => {
  await using tree = await makeTree({ "lib/oci/mod.ts": "", "lib/codec/tar/mod.ts": "" });
  const exports = {
    "./tar": "./lib/codec/mod.ts",
    "./store": "./lib/store/mod.ts",
    "./x": "./x.ts",
  };
  assertEquals(await judgeExports(tree.path, { exports }), [
    "deno.json: ./oci must name ./lib/oci/mod.ts",
    "deno.json: ./store names ./lib/store/mod.ts: no file",
    "deno.json: ./tar must name ./lib/codec/tar/mod.ts",
    "deno.json: ./x is no subpath of the design",
  ]);
});
