import { assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { type Descriptor, MEDIA_TYPES } from "../../../lib/oci/mod.ts";
import { findImage, openMemoryStore, readImage } from "../../../lib/store/mod.ts";

const MANY = 30, LEVELS = 4;

Deno.test("indexes that name each other many times are read once each", async () => {
  await using store = openMemoryStore();
  await using ingest = await store.ingest();
  const put = (value: unknown, mediaType: string) =>
    ingest.blob(new TextEncoder().encode(JSON.stringify(value)), mediaType);
  const rootfs = { type: "layers", diff_ids: [] };
  const config = await put({ architecture: "s390x", os: "linux", rootfs }, MEDIA_TYPES.config);
  const manifest = await put(
    { schemaVersion: 2, mediaType: MEDIA_TYPES.manifest, config, layers: [] },
    MEDIA_TYPES.manifest,
  );
  const absent: Descriptor = { ...manifest, digest: `sha256:${"0".repeat(64)}` as never };
  let index: Descriptor = absent;
  for (let level = 1; level <= LEVELS; level++) {
    // The only manifest that is there comes last.
    const manifests = [...Array(MANY).fill(index), ...level === LEVELS ? [manifest] : []];
    const value = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests };
    index = await put(value, MEDIA_TYPES.index);
  }
  ingest.image("example.org/nested:1", index);
  await ingest.commit();
  let reads = 0;
  const { blobs } = store;
  const { read } = blobs;
  blobs.read = (...args) => {
    reads++;
    return read.apply(blobs, args);
  };
  assertEquals((await readImage(store, "example.org/nested:1")).imageId, config.digest);
  assertEquals(reads, LEVELS + 2);
  assertEquals((await findImage(store, config.digest)).target.digest, manifest.digest);
  reads = 0;
  const platform = { os: "linux", architecture: "riscv64" } as const;
  await assertRejects(() => readImage(store, "example.org/nested:1", { platform }), VarveError);
  assertEquals(reads, LEVELS + 2);
});
