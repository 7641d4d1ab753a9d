import { assertEquals, assertRejects } from "@std/assert";
import type { Digest } from "../../../../../lib/digest/mod.ts";
import { VarveError } from "../../../../../lib/errors.ts";
import { diskOf } from "../../../../../lib/store/disk/store.ts";
import { findImage, type Store } from "../../../../../lib/store/mod.ts";
import type { BuiltImage } from "../../../../support/images/images.ts";
import { gcFixture } from "../gc/gc_fixture.ts";

const [APP, OTHER, BOTH] = ["example.org/app:1", "example.org/other:1", "example.org/both:1"];

async function putIndex(store: Store, images: readonly BuiltImage[]): Promise<Digest> {
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const manifests = images.map(({ descriptor: { mediaType, digest, size } }) => ({
    mediaType,
    digest,
    size,
  }));
  await using ingest = await store.ingest();
  const bytes = new TextEncoder().encode(
    JSON.stringify({ schemaVersion: 2, mediaType, manifests }),
  );
  const target = await ingest.blob(bytes, mediaType);
  ingest.image(BOTH, target);
  await ingest.commit();
  return target.digest;
}

Deno.test("a digest finds the images that it selects, and only their documents are read", async () => {
  await using fixture = await gcFixture();
  const { store, root } = fixture;
  const app = await fixture.load(APP, ["base", "app"]);
  const other = await fixture.load(OTHER, ["base", "other"]);
  const index = await putIndex(store, [app]);
  const names = (prefix: string) => store.images.candidates(prefix).map(({ name }) => name);
  assertEquals(names(index), [BOTH]);
  for (const digest of [app.descriptor.digest, app.imageId]) {
    assertEquals([names(digest), names(digest.slice(0, 15))], [[APP, BOTH], [APP, BOTH]]);
  }
  assertEquals(names(other.imageId), [OTHER]);
  assertEquals(names("sha256:"), [APP, BOTH, OTHER]);
  // The blob of a layer selects nothing, though all documents name it.
  assertEquals(names(app.layers[0]!.descriptor.digest), []);
  assertEquals(names(`sha256:${"0".repeat(64)}`), []);
  const path = `${root}/content/blobs/sha256/${other.descriptor.digest.slice(7)}`;
  await Deno.chmod(path, 0o644);
  await Deno.writeTextFile(path, "{}");
  for (const id of [app.imageId, app.imageId.slice(7), app.imageId.slice(7, 20)]) {
    assertEquals((await findImage(store, id)).name, APP);
  }
  assertEquals((await findImage(store, `example.org/app@${app.imageId}`)).name, APP);
  await assertRejects(() => findImage(store, `example.org/other@${app.imageId}`), VarveError);
  // Reading a damaged document notes the damage.
  assertEquals(store.blobs.stat(other.descriptor.digest as Digest)?.verifiedAt === 0, false);
});

Deno.test("while it is not known what documents name, all images are candidates", async () => {
  await using fixture = await gcFixture();
  const { store, root } = fixture;
  const app = await fixture.load(APP, ["app"]);
  const other = await fixture.load(OTHER, ["other"]);
  const { db } = diskOf(store);
  const forget = () => {
    db.run("UPDATE blob SET parts = NULL");
    db.run("DELETE FROM part");
  };
  forget();
  assertEquals(store.images.candidates(app.imageId).map(({ name }) => name), [APP]);
  forget();
  const path = `${root}/content/blobs/sha256/${other.imageId.slice(7)}`;
  await Deno.chmod(path, 0o644);
  await Deno.writeTextFile(path, "{}");
  assertEquals(store.images.candidates(app.imageId).map(({ name }) => name), [APP, OTHER]);
  assertEquals((await findImage(store, app.imageId)).name, APP);
});
