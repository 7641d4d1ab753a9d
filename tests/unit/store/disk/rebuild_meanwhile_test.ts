import { assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../../../lib/errors.ts";
import { MEDIA_TYPES } from "../../../../lib/oci/mod.ts";
import { type DiskStore, openStore, rebuildStore } from "../../../../lib/store/mod.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

/** Calls `act` when the new database is made, which is after the old one was read. */
async function whileRebuilding(act: () => Promise<void>, root: string): Promise<void> {
  const { open } = Deno;
  Deno.open = async (path, options) => {
    if (String(path).endsWith("/meta.db.new")) {
      Deno.open = open;
      await act();
    }
    return await open(path, options);
  };
  try {
    await assertRejects(() => rebuildStore(root), VarveError, "Cannot rebuild");
  } finally {
    Deno.open = open;
  }
}

async function name(store: DiskStore, tag: string): Promise<void> {
  const [blob] = store.blobs.list();
  if (blob === undefined) throw new Error("the store has no blob");
  store.images.set(`example.org/app:${tag}`, blob);
  await Promise.resolve();
}

Deno.test("a rebuild does not replace a database that a process opens or changes meanwhile", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  {
    await using store = await openStore({ root, durability: "none" });
    await using ingest = await store.ingest();
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [] };
    const bytes = new TextEncoder().encode(JSON.stringify(index));
    ingest.image("example.org/app:0", await ingest.blob(bytes, MEDIA_TYPES.index));
    await ingest.commit();
  }
  await whileRebuilding(async () => {
    await using store = await openStore({ root, durability: "none" });
    await name(store, "1");
  }, root);
  {
    await using stack = new AsyncDisposableStack();
    await whileRebuilding(async () => {
      stack.use(await openStore({ root, durability: "none" }));
    }, root);
  }
  await using store = await openStore({ root });
  await name(store, "2");
  const names = store.images.list().map((image) => image.name);
  assertEquals(names, ["0", "1", "2"].map((tag) => `example.org/app:${tag}`));
  const left = (await Array.fromAsync(Deno.readDir(root))).map((entry) => entry.name);
  assertEquals(left.filter((one) => /new|damaged/.test(one)), []);
});
