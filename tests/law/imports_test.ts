import { assertEquals } from "@std/assert";
import { type Import, judgeImports, readGraph } from "./imports.ts";
import { PROJECT } from "./sources.ts";
import { makeTree } from "./tree_fixture.ts";

Deno.test("the project keeps the law of imports", async () => {
  const graph = await readGraph(PROJECT);
  assertEquals(graph.unreadable, []);
  assertEquals(judgeImports(graph.imports), []);
  const edges = graph.imports.filter(({ from }) => from.startsWith("lib/"));
  assertEquals(edges.length > 10, true, "the graph is empty: the law was not tested");
});

/** Files of a small project that breaks each rule once; the comment names the rule. */
const BAD: Readonly<Record<string, string>> = {
  "mod.ts": `export * from "./lib/oci/inner.ts"; export * from "./lib/store/internal.ts";`,
  "lib/errors.ts": `export const e = 1;`,
  "lib/oci/mod.ts": `export * from "./inner.ts";`,
  "lib/oci/inner.ts": `export const a = 1; export type A = 1;`,
  "lib/oci/upward.ts": `import "../store/mod.ts";`,
  "lib/oci/upward_type.ts": `import type { S } from "../store/mod.ts"; export type T = S;`,
  "lib/oci/upward_later.ts": `export const a = () => import("../store/mod.ts");`,
  "lib/oci/upward_inline.ts": `export type T = import("../store/mod.ts").S;`,
  "lib/oci/package.ts": `import "node:fs";`,
  "lib/oci/public.ts": `import "../../mod.ts";`,
  "lib/codec/mod.ts": `export {};`,
  "lib/codec/other_zlib.ts": `import "node:zlib";`,
  "lib/codec/tar/mod.ts": `export {};`,
  "lib/codec/compress/node_zlib.ts": `import "node:zlib";`,
  "lib/store/mod.ts": `export type S = 1;`,
  "lib/store/inside.ts": `import "../oci/inner.ts"; import "../oci/mod.ts"; import "../errors.ts";`,
  "lib/store/door.ts": `import "../codec/tar/mod.ts"; import "node:sqlite";`,
  "lib/store/internal.ts": `export {};`,
  "lib/store/jobs.ts": `export {};`,
  "lib/image/doors.ts": `import "../store/internal.ts"; import "../store/jobs.ts";`,
  "lib/pool/internal.ts": `export {};`,
  "lib/store/entry.ts": `import "../../workers/layer.ts";`,
  "lib/store/stray.ts": `import "../../tests/support/x.ts";`,
  "lib/pool/spawn.ts": `export const a = () => import("../../workers/layer.ts");`,
  "lib/cli/main.ts": `import "../store/mod.ts";`,
  "lib/nowhere/mod.ts": `export {};`,
  "workers/layer.ts": `import "../lib/store/jobs.ts"; import "../lib/pool/internal.ts";`,
  "workers/deep.ts": `import "../lib/store/inside.ts"; import "../lib/store/mod.ts";`,
  "tests/support/x.ts": `export {};`,
};

Deno.test("the law of imports can fail", async () => {
  await using tree = await makeTree(BAD);
  const graph = await readGraph(tree.path);
  assertEquals(graph.unreadable, []);
  assertEquals(judgeImports(graph.imports).map((line) => line.replace(/:\d+ imports/, " →")), [
    "lib/codec/other_zlib.ts → node:zlib: only lib/codec/compress/node_zlib.ts may import it",
    "lib/image/doors.ts → lib/store/jobs.ts: jobs.ts is for worker entries",
    "lib/oci/package.ts → node:fs: room oci may not import this package",
    "lib/oci/public.ts → mod.ts: lib/ must not import the public mod.ts",
    "lib/oci/upward.ts → lib/store/mod.ts: room store comes after room oci in tests/law/rooms.ts",
    "lib/oci/upward_inline.ts → lib/store/mod.ts: room store comes after room oci in tests/law/rooms.ts",
    "lib/oci/upward_later.ts → lib/store/mod.ts: room store comes after room oci in tests/law/rooms.ts",
    "lib/oci/upward_type.ts → lib/store/mod.ts: room store comes after room oci in tests/law/rooms.ts",
    "lib/store/entry.ts → workers/layer.ts: only lib/pool/spawn.ts imports worker entries",
    "lib/store/inside.ts → lib/oci/inner.ts: another room only through its mod.ts or internal.ts",
    "lib/store/stray.ts → tests/support/x.ts: shipped code must not import tests",
    "mod.ts → lib/oci/inner.ts: the public mod.ts imports only a mod.ts of a room",
    "mod.ts → lib/store/internal.ts: the public mod.ts imports only a mod.ts of a room",
    "workers/deep.ts → lib/store/inside.ts: a worker entry imports only jobs.ts of rooms and lib/pool/internal.ts",
    "workers/deep.ts → lib/store/mod.ts: a worker entry imports only jobs.ts of rooms and lib/pool/internal.ts",
  ]);
});

Deno.test("a module that cannot be read is a finding", async () => {
  await using tree = await makeTree({ "lib/oci/mod.ts": `export * from "./missing.ts";` });
  const graph = await readGraph(tree.path);
  assertEquals(graph.unreadable.length, 1);
});

Deno.test("packages are judged by name and room", () => {
  const edge = (from: string, to: string): Import => ({
    from,
    to,
    written: to,
    typeOnly: false,
    line: 1,
  });
  const good = [
    edge("lib/digest/node_crypto.ts", "node:crypto"),
    edge("lib/cli/args.ts", "npm:commander"),
    edge("lib/oci/x.ts", "@std/assert"),
    edge("lib/cli/bars.ts", "npm:@types/cli-progress"),
  ];
  const bad = [
    edge("lib/digest/digest.ts", "node:crypto"),
    edge("lib/store/args.ts", "npm:commander"),
    edge("lib/store/args.ts", "npm:@types/cli-progress"),
    edge("lib/oci/x.ts", "npm:deno-std"),
    edge("lib/errors.ts", "@std/assert"),
    edge("lib/stray.ts", "@std/assert"),
    edge("lib/oci/x.ts", "https://example.com/x.ts"),
  ];
  assertEquals(judgeImports(good), []);
  assertEquals(judgeImports(bad).length, bad.length);
});
