import { assertEquals } from "@std/assert";
import { readExports } from "./documents.ts";
import { readModules } from "./modules.ts";
import { PROJECT } from "./sources.ts";
import { makeTree } from "./tree_fixture.ts";
import { findUnused } from "./unused.ts";

Deno.test("the project has no code that nothing uses", async () => {
  const modules = await readModules(PROJECT);
  const entries = Object.values(await readExports()).map((path) => path.slice(2));
  assertEquals(findUnused(modules, entries), []);
});

Deno.test("the law of unused code can fail", async () => {
  await using tree = await makeTree({
    "mod.ts": `export { a } from "./lib/oci/mod.ts";`,
    "lib/oci/mod.ts": `export { inner as a } from "./inner.ts"; export * from "./all.ts";`,
    "lib/oci/internal.ts": `export { type Inside, left, taken } from "./inner.ts";`,
    "lib/layer/internal.ts": `export { late } from "../oci/later.ts";`,
    "lib/oci/inner.ts": `
      export const inner = 1;
      export const taken = 1, left = 1;
      export interface Unused { x: number }
      export interface Inside { x: number }
      export function here(x: Inside) { return x; }
      export class Gone {}`,
    "lib/oci/all.ts": `export const viaAll = 1; export type Unseen = 1;`,
    "lib/oci/later.ts": `export const late = 1;`,
    "lib/oci/renamed.ts":
      `const local = 1; export { local as renamed }; export { local as other };`,
    "lib/store/mod.ts": `
      import { taken } from "../oci/internal.ts";
      import type { viaAll } from "../oci/mod.ts";
      import { here } from "../oci/inner.ts";
      import { renamed } from "../oci/renamed.ts";
      const later = () => import("../layer/internal.ts");`,
    "tests/unit/oci/inner_test.ts": `import { Gone } from "../../../lib/oci/inner.ts"; new Gone();`,
  });
  assertEquals(findUnused(await readModules(tree.path), ["mod.ts"]), [
    "lib/oci/all.ts: nothing uses Unseen",
    "lib/oci/inner.ts: nothing uses Gone",
    "lib/oci/inner.ts: nothing uses Unused",
    "lib/oci/inner.ts: nothing uses left",
    "lib/oci/internal.ts: no other room takes left",
  ]);
});
