import { assertEquals } from "@std/assert";
import { readExports } from "./documents.ts";
import { readPublicDocs, unreachable } from "./public_docs.ts";
import { makeTree } from "./tree_fixture.ts";
import { listFolder, PROJECT } from "./sources.ts";

/** Names that the files of `lib/` export, to users or not. */
async function exportedNames(): Promise<Set<string>> {
  const names = new Set<string>();
  for (const path of await listFolder(PROJECT, "lib")) {
    if (!path.endsWith(".ts")) continue;
    const text = await Deno.readTextFile(`${PROJECT}/${path}`);
    for (const [, name = ""] of text.matchAll(EXPORT)) names.add(name);
  }
  return names;
}

const EXPORT = /^export (?:abstract |async )?(?:function\*?|const|class|interface|type) (\w+)/gm;

Deno.test("deno doc shows nothing that a user cannot reach", async () => {
  const docs = await readPublicDocs(await readExports());
  assertEquals(unreachable(docs, await exportedNames()), []);
});

Deno.test("the law of public documentation can fail", async () => {
  const example = (line: string) => ` * @example\n * \`\`\`ts ignore\n * ${line}\n * \`\`\``;
  await using tree = await makeTree({
    "mod.ts": `
/**
 * The module: {@linkcode one}, {@linkcode Two.there}, {@linkcode gone}, \`hiddenOne\`, \`otherOne\`, \`one\`.
${example(`import { one, type Two, three } from "@varve/varve";`)}
 *
 * @module
 */
export { one, type Two } from "./lib/one.ts";
`,
    "lib/one.ts": `
/**
 * As \`one\` and \`hiddenOne()\`.
${example(`import { hiddenOne } from "../lib/hidden.ts";`)}
 */
export const one: number = 1;
/** Two. */
export interface Two {
  /** As {@linkcode hiddenOne}. */
  readonly there: number;
}
export const hiddenOne = 2;
`,
  });
  const docs = await readPublicDocs({ ".": "./mod.ts" }, tree.path);
  assertEquals(unreachable(docs, new Set(["one", "Two", "hiddenOne"])), [
    "./mod.ts: @varve/varve exports no three",
    "./mod.ts: hiddenOne is not exported",
    "./mod.ts: there is no gone to link to",
    "Two: there is no hiddenOne to link to",
    "one: hiddenOne is not exported",
    "one: its example imports ../lib/hidden.ts",
  ]);
});
