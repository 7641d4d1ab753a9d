import { assertEquals } from "@std/assert";
import { type Descriptor, MEDIA_TYPES } from "../../../../lib/oci/mod.ts";
import { openStore, rebuildStore } from "../../../../lib/store/mod.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

const CONFIG = '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}';

function manifestOf(config: Descriptor): string {
  return JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.manifest, config, layers: [] });
}

function indexOf(...manifests: Descriptor[]): string {
  return JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests });
}

Deno.test("a rebuild without database and index.json names each manifest and index that no index names", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  const expected: string[] = [];
  {
    await using store = await openStore({ root, durability: "none" });
    await using ingest = await store.ingest();
    const put = (text: string, mediaType: string) =>
      ingest.blob(new TextEncoder().encode(text), mediaType);
    // JSON may begin with white space.
    const config = await put(`\n${CONFIG}`, MEDIA_TYPES.config);
    const alone = await put(` \t\r\n${manifestOf(config)}`, MEDIA_TYPES.manifest);
    const inner = await put(manifestOf(config), MEDIA_TYPES.manifest);
    const nested = await put(indexOf(inner), MEDIA_TYPES.index);
    const outer = await put(` ${indexOf(nested)}`, MEDIA_TYPES.index);
    for (const target of [alone, outer]) {
      ingest.image(null, target);
      expected.push(`<none>@${target.digest} ${target.mediaType} ${target.size}`);
    }
    await ingest.commit();
  }
  for (const name of ["meta.db", "content/index.json"]) await Deno.remove(`${root}/${name}`);
  await rebuildStore(root);
  await using store = await openStore({ root });
  const found = store.images.list().map(({ name, target }) =>
    `${name} ${target.mediaType} ${target.size}`
  );
  assertEquals(found, expected.sort());
  const types = store.blobs.list().map(({ mediaType }) => mediaType).sort();
  const { config, index, manifest } = MEDIA_TYPES;
  assertEquals(types, [config, index, index, manifest, manifest]);
});
