import { assertEquals } from "@std/assert";
import plugin from "./plugin.ts";
import { PROJECT } from "./sources.ts";

function lint(path: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, `${PROJECT}/${path}`, source).map(({ id }) => id);
}

/** One line of bad code a row: each must be seen by itself. */
const IMPURE: readonly string[] = [
  `export const a = Deno.pid;`,
  `export type A = Deno.FsFile;`,
  `export const a = () => fetch("http://x");`,
  `export const a = Date.now();`,
  `export const a = Date["now"]();`,
  `export const a = new Date();`,
  `export const a = Date();`,
  `export const { now } = Date;`,
  `export const clock = Date;`,
  `const key = "now"; export const a = Date[key as "now"]();`,
  `export const a = performance.now();`,
  `export const a = Math.random();`,
  `export const { random } = Math;`,
  `export const a = crypto.getRandomValues(new Uint8Array(1));`,
  `export const a = crypto.randomUUID();`,
  `export const a = setTimeout(() => {}, 1);`,
  `export const a = { setTimeout };`,
  `export const a = AbortSignal.timeout(1);`,
  `export const a = () => console.log(1);`,
  `export const a = process.env;`,
  `export const a = globalThis;`,
  `export const a = new Worker("x");`,
  `export const a = eval("1");`,
  `import fs from "node:fs"; export const a = fs;`,
  `import type { Stats } from "node:fs"; export type A = Stats;`,
  `export * from "node:os";`,
  `export { join } from "node:path";`,
  `export const a = () => import("node:fs");`,
  `export const a = (name: string) => import(name);`,
  `import { createHash } from "node:crypto"; export const a = createHash;`,
  `import { inflateRawSync } from "node:zlib"; export const a = inflateRawSync;`,
];

Deno.test("the plug-in sees every effect in a pure room", () => {
  for (const source of IMPURE) {
    for (const path of ["lib/errors.ts", "lib/oci/x.ts", "lib/codec/tar/x.ts"]) {
      const found = lint(path, source);
      assertEquals([...new Set(found)].includes("varve/pure"), true, `${path}: ${source}`);
    }
  }
});

Deno.test("the plug-in leaves rooms with effects and tests alone", () => {
  for (const source of IMPURE) {
    assertEquals(lint("lib/store/x.ts", source).includes("varve/pure"), false, source);
    assertEquals(lint("tests/unit/x_test.ts", source), [], source);
  }
});

Deno.test("the plug-in allows what is pure", () => {
  const sources = [
    `export const a = new Date(0).toISOString();`,
    `export const a = (x: unknown): x is Date => x instanceof Date;`,
    `export const a = Date.UTC(2020, 1);`,
    `export const a = Math.max(1, 2);`,
    `export const a = { fetch: 1, now: 2, Deno: 3 };`,
    `export class A { process(): void {} console = 1; }`,
    `export interface A { fetch(): void; performance: number }`,
    `export const a = (x: { process: number }) => x.process;`,
    `export const a = crypto.subtle;`,
    `export const a = (s: AbortSignal) => s.throwIfAborted();`,
    `import { x } from "./x.ts"; export const a = x;`,
  ];
  for (const source of sources) assertEquals(lint("lib/oci/x.ts", source), [], source);
});

Deno.test("node:crypto and node:zlib have one file each", () => {
  const hash = `import { createHash } from "node:crypto"; export const a = createHash;`;
  const zlib = `import { inflateRawSync } from "node:zlib"; export const a = inflateRawSync;`;
  const random = `import { randomBytes } from "node:crypto"; export const a = randomBytes;`;
  assertEquals(lint("lib/digest/node_crypto.ts", hash), []);
  assertEquals(lint("lib/codec/compress/node_zlib.ts", zlib), []);
  assertEquals(lint("lib/codec/node_zlib.ts", zlib), ["varve/pure"]);
  assertEquals(lint("lib/digest/node_crypto.ts", random), ["varve/pure"]);
});

Deno.test("mod.ts only re-exports", () => {
  const good = `/** Doc. */\nexport * from "./a.ts";\nexport { type B } from "./b.ts";`;
  assertEquals(lint("mod.ts", good), []);
  assertEquals(lint("lib/oci/mod.ts", good), []);
  for (const bad of [`export const a = 1;`, `import "./a.ts";`, `const a = 1; export { a };`]) {
    assertEquals(lint("lib/oci/mod.ts", bad).includes("varve/mod-reexports"), true, bad);
    assertEquals(lint("lib/oci/a.ts", bad), [], bad);
  }
});

Deno.test("effects have owners", () => {
  const env = `export const a = Deno.env.get("HOME");`;
  assertEquals(lint("lib/store/x.ts", env), ["varve/effects"]);
  assertEquals(lint("lib/store/x.ts", `export const a = Deno["env"];`), ["varve/effects"]);
  assertEquals(lint("lib/cli/x.ts", env), []);
  const library = `export const a = Deno.dlopen("libc.so.6", {});`;
  assertEquals(lint("lib/store/x.ts", library), ["varve/effects"]);
  assertEquals(lint("lib/linux/x.ts", library), []);
  const worker = `export const a = new URL("../../workers/x.ts", import.meta.url);`;
  assertEquals(lint("lib/pool/x.ts", worker), ["varve/effects"]);
  assertEquals(lint("lib/pool/spawn.ts", worker), []);
});

Deno.test("the plug-in keeps exit codes in cli/", () => {
  const source = [
    `import { exitCode } from "../errors.ts";`,
    `import { exitCodeOf as a } from "../errors.ts";`,
    `import { EXIT_CODES } from "../oci/mod.ts";`,
    `import { "exitCode" as b } from "../errors.ts";`,
    `export { exitCode as c } from "../errors.ts";`,
    `import * as errors from "../errors.ts";`,
    `export const d = () => import("../errors.ts");`,
  ];
  for (const line of source) {
    for (const path of ["lib/store/x.ts", "workers/x.ts", "mod.ts"]) {
      assertEquals(lint(path, line).includes("varve/exit-codes"), true, `${path}: ${line}`);
    }
    for (const path of ["lib/cli/verbs/x.ts", "tests/unit/x_test.ts"]) {
      assertEquals(lint(path, line).includes("varve/exit-codes"), false, `${path}: ${line}`);
    }
  }
  const good = [
    `import { isBadData, VarveError } from "../errors.ts"; export const a = [isBadData, VarveError];`,
    `export * from "../errors.ts";`,
    `const exitCode = 1; export { exitCode };`,
  ];
  for (const line of good) assertEquals(lint("lib/store/x.ts", line), [], line);
});
