/** What pushes and deletions at varve's registry do to the store behind it. */
import { assertEquals } from "@std/assert";
import { serveRegistry } from "../../lib/registry/mod.ts";
import { openStore, type Store } from "../../lib/store/mod.ts";
import { Api, INDEX, jsonOf, MANIFEST, NAME, pushSample } from "../conformance/registry_api.ts";
import { jsonBytes } from "../support/images.ts";
import { tempDir } from "../support/temp.ts";

/** A registry over an empty store on the disk. */
async function served(): Promise<{ api: Api; store: Store; root: string } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const root = stack.use(await tempDir()).path;
  const store = stack.use(await openStore({ root, durability: "none" }));
  const server = stack.use(await serveRegistry(store));
  const all = stack.move();
  const dispose = () => all.disposeAsync();
  return { api: new Api(server.url), store, root, [Symbol.asyncDispose]: dispose };
}

/** Which state of the names the layout of a store shows: it is counted up with each change. */
function shownNames(root: string): number {
  const index = jsonOf(Deno.readFileSync(`${root}/content/index.json`));
  return Number(index.annotations["varve.generation"]);
}

Deno.test("served: a manifest of many tags is deleted in one go, and what an index takes over, too", async () => {
  await using own = await served();
  const { api, store, root } = own;
  const { image } = await pushSample(api);
  const target = store.images.list()[0]!.target;
  for (let at = 0; at < 50; at++) store.images.set(`docker.io/${NAME}:tag-${at}`, target);
  const before = shownNames(root);
  const path = `/v2/${NAME}/manifests/${image.descriptor.digest}`;
  assertEquals((await api.send("DELETE", path)).status, 202);
  assertEquals([store.images.list(), shownNames(root)], [[], before + 1]);
  const children: unknown[] = [];
  for (let at = 0; at < 10; at++) {
    const { bytes, digest } = await api.pushArtifact(NAME, undefined, { artifactType: `a/${at}` });
    children.push({ mediaType: MANIFEST, digest, size: bytes.length });
  }
  const apart = shownNames(root);
  const index = jsonBytes({ schemaVersion: 2, mediaType: INDEX, manifests: children });
  assertEquals((await api.put(NAME, "all", index, INDEX)).status, 201);
  assertEquals(store.images.list().map(({ name }) => name), [`docker.io/${NAME}:all`]);
  // The index comes, and then those that it names go.
  assertEquals(shownNames(root), apart + 2);
});
