/** The cases of "Content Management". */
import { assertEquals } from "@std/assert";
import {
  BLOB,
  BLOB_DIGEST,
  type Cases,
  codeOf,
  MANIFEST,
  NAME,
  pushSample,
} from "./registry_api.ts";

/** Deletions: what goes, and what stays. */
export const DELETE: Cases = {
  async "management: a tag is deleted, its manifest is not"(api) {
    const { image } = await pushSample(api);
    assertEquals((await api.send("DELETE", `/v2/${NAME}/manifests/1`)).status, 202);
    assertEquals((await api.send("GET", `/v2/${NAME}/manifests/1`)).status, 404);
    const kept = `/v2/${NAME}/manifests/${image.descriptor.digest}`;
    assertEquals((await api.send("HEAD", kept, { headers: { accept: MANIFEST } })).status, 200);
    assertEquals((await api.send("DELETE", `/v2/${NAME}/manifests/1`)).status, 404);
  },

  async "management: a manifest is deleted with its tags"(api) {
    const { image } = await pushSample(api);
    await api.put(NAME, "2", image.manifest);
    const path = `/v2/${NAME}/manifests/${image.descriptor.digest}`;
    assertEquals((await api.send("DELETE", path)).status, 202);
    for (const reference of ["1", "2", image.descriptor.digest]) {
      const get = await api.send("GET", `/v2/${NAME}/manifests/${reference}`);
      assertEquals(get.status, 404, reference);
    }
    assertEquals((await api.send("DELETE", path)).status, 404);
  },

  async "management: a blob is deleted"(api) {
    await api.pushBlob(NAME, BLOB);
    const path = `/v2/${NAME}/blobs/${BLOB_DIGEST}`;
    assertEquals((await api.send("DELETE", path)).status, 202);
    assertEquals((await api.send("GET", path)).status, 404);
    assertEquals((await api.send("DELETE", path)).status, 404);
    await api.pushBlob(NAME, BLOB);
    assertEquals((await api.send("GET", path)).bytes, BLOB);
  },

  async "management: blobs are deleted after their image, not before"(api) {
    const { image } = await pushSample(api);
    const path = `/v2/${NAME}/blobs/${image.layers[0]?.descriptor.digest}`;
    const refused = await api.send("DELETE", path);
    assertEquals([refused.status, codeOf(refused)], [405, "UNSUPPORTED"]);
    assertEquals((await api.send("GET", path)).status, 200);
    await api.send("DELETE", `/v2/${NAME}/manifests/${image.descriptor.digest}`);
    assertEquals((await api.send("DELETE", path)).status, 202);
    assertEquals((await api.send("GET", path)).status, 404);
    // The blob can be pushed again.
    await pushSample(api);
    assertEquals((await api.send("GET", path)).status, 200);
  },
};
