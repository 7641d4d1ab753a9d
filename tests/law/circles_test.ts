import { assertEquals } from "@std/assert";
import { findCircles } from "./circles.ts";
import { readGraph } from "./imports.ts";
import { PROJECT } from "./sources.ts";
import { makeTree } from "./tree_fixture.ts";

Deno.test("the project has no import circles", async () => {
  assertEquals(findCircles((await readGraph(PROJECT)).imports), []);
});

Deno.test("the law of circles can fail", async () => {
  await using tree = await makeTree({
    // By value, and by way of a third file.
    "lib/oci/a.ts": `import "./b.ts";`,
    "lib/oci/b.ts": `import "./c.ts";`,
    "lib/oci/c.ts": `import "./a.ts"; import "./leaf.ts";`,
    // A knot of three: its shortest circle is named, and that there is more shows later.
    "lib/tree/a.ts": `import "./b.ts"; import "./c.ts";`,
    "lib/tree/b.ts": `import "./a.ts";`,
    "lib/tree/c.ts": `import "./b.ts";`,
    // For a type, written in both ways, and at run time.
    "lib/store/type.ts": `import type { B } from "./inline.ts"; export type A = B;`,
    "lib/store/inline.ts": `export type B = number; export type C = import("./type.ts").A;`,
    "lib/cli/now.ts": `export const later = () => import("./later.ts");`,
    "lib/cli/later.ts": `export { later } from "./now.ts";`,
    "lib/digest/self.ts": `import "./self.ts";`,
    // No circle: two ways to one file.
    "lib/oci/leaf.ts": `export {};`,
    "lib/oci/top.ts": `import "./a.ts"; import "./leaf.ts";`,
    // A worker entry counts, too. Only the imports of the one file that starts workers do not.
    "lib/pool/pool.ts": `import "../../workers/layer.ts";`,
    "lib/pool/spawn.ts": `export const a = () => import("../../workers/layer.ts");`,
    "workers/layer.ts": `import "../lib/pool/spawn.ts"; import "../lib/pool/pool.ts";`,
  });
  const graph = await readGraph(tree.path);
  assertEquals(graph.unreadable, []);
  assertEquals(findCircles(graph.imports), [
    "lib/cli/later.ts → lib/cli/now.ts → lib/cli/later.ts",
    "lib/digest/self.ts → lib/digest/self.ts",
    "lib/oci/a.ts → lib/oci/b.ts → lib/oci/c.ts → lib/oci/a.ts",
    "lib/pool/pool.ts → workers/layer.ts → lib/pool/pool.ts",
    "lib/store/inline.ts → lib/store/type.ts → lib/store/inline.ts",
    "lib/tree/a.ts → lib/tree/b.ts → lib/tree/a.ts",
  ]);
});
