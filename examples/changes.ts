// What changed between two images, with sizes.
// deno run --allow-read=STORE --allow-write=STORE --allow-sys=uid examples/changes.ts STORE BEFORE AFTER
import { diffTrees, imageTree, openStore, toText } from "@varve/varve";

const [root = "", before = "", after = ""] = Deno.args;
await using store = await openStore({ root, create: false });
const [a, b] = [await imageTree(store, before), await imageTree(store, after)];
for (const { kind, path, before, after } of diffTrees(a, b, { deep: true })) {
  const [old = 0, now = 0] = [before, after].map((node) => node?.type === "file" ? node.size : 0);
  console.log(`${kind} /${toText(path)} ${now - old}`);
}
