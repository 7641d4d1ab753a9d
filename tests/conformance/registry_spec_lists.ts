/** The cases of "Content Discovery". */
import { assertEquals } from "@std/assert";
import { jsonBytes, sha256Of } from "../support/images/images.ts";
import {
  type Cases,
  codeOf,
  INDEX,
  jsonOf,
  MANIFEST,
  NAME,
  nextOf,
  NOTHING,
  pushSample,
} from "./registry_api.ts";

/** Tags, repositories, referrers. */
export const LISTS: Cases = {
  async "discovery: tags in order, in pages that Link connects"(api) {
    for (const tag of ["d", "a", "c", "b"]) {
      await api.pushArtifact(NAME, tag, { artifactType: "a/b" });
    }
    const path = `/v2/${NAME}/tags/list`;
    const all = await api.send("GET", path);
    assertEquals(jsonOf(all.bytes), { name: NAME, tags: ["a", "b", "c", "d"] });
    assertEquals(all.headers.get("link"), null);
    const two = await api.send("GET", `${path}?n=2`);
    assertEquals(jsonOf(two.bytes).tags, ["a", "b"]);
    const next = nextOf(two);
    const rest = await api.send("GET", next);
    assertEquals([jsonOf(rest.bytes).tags, rest.headers.get("link")], [["c", "d"], null]);
    const last = await api.send("GET", `${path}?last=c`);
    assertEquals(jsonOf(last.bytes).tags, ["d"]);
    const both = await api.send("GET", `${path}?n=1&last=a`);
    assertEquals(jsonOf(both.bytes).tags, ["b"]);
    const none = await api.send("GET", `${path}?n=0`);
    assertEquals([jsonOf(none.bytes).tags, none.headers.get("link")], [[], null]);
  },

  async "discovery: the tags of a missing repository are 404"(api) {
    const reply = await api.send("GET", "/v2/not/here/tags/list");
    assertEquals([reply.status, codeOf(reply)], [404, "NAME_UNKNOWN"]);
  },

  async "discovery: repositories, in pages"(api) {
    for (const name of ["b/two", "a/one", "c/three"]) {
      await api.pushArtifact(name, "1", { artifactType: "a/b" });
    }
    const all = await api.send("GET", "/v2/_catalog");
    assertEquals(jsonOf(all.bytes).repositories, ["a/one", "b/two", "c/three"]);
    const page = await api.send("GET", "/v2/_catalog?n=2");
    assertEquals(jsonOf(page.bytes).repositories, ["a/one", "b/two"]);
    const next = nextOf(page);
    assertEquals(jsonOf((await api.send("GET", next)).bytes).repositories, ["c/three"]);
  },

  async "discovery: referrers of a manifest, all and of one type"(api) {
    const { image } = await pushSample(api);
    const subject = image.descriptor;
    const annotations = { "org.example": "x" };
    const first = await api.pushArtifact(NAME, undefined, {
      artifactType: "a/first",
      subject,
      annotations,
    });
    const second = await api.pushArtifact(NAME, "tagged", { subject });
    const index = jsonBytes({
      schemaVersion: 2,
      mediaType: INDEX,
      artifactType: "a/index",
      manifests: [],
      subject,
    });
    assertEquals((await api.put(NAME, sha256Of(index), index, INDEX)).status, 201);
    const path = `/v2/${NAME}/referrers/${subject.digest}`;
    const all = await api.send("GET", path);
    assertEquals([all.status, all.headers.get("content-type")], [200, INDEX]);
    const document = jsonOf(all.bytes);
    assertEquals([document.schemaVersion, document.mediaType], [2, INDEX]);
    const expected = [
      entry(MANIFEST, first.bytes, { artifactType: "a/first", annotations }),
      entry(MANIFEST, second.bytes, { artifactType: "application/vnd.oci.empty.v1+json" }),
      entry(INDEX, index, { artifactType: "a/index" }),
    ].sort(byDigest);
    assertEquals(document.manifests.sort(byDigest), expected);
    const some = await api.send("GET", `${path}?artifactType=a%2Ffirst`);
    assertEquals(some.headers.get("oci-filters-applied"), "artifactType");
    assertEquals(jsonOf(some.bytes).manifests, [
      entry(MANIFEST, first.bytes, { artifactType: "a/first", annotations }),
    ]);
  },

  async "discovery: a referrer that was pushed before its subject"(api) {
    const { image } = await pushSample(api, "other/app");
    const subject = image.descriptor;
    const { bytes } = await api.pushArtifact(NAME, undefined, { artifactType: "a/b", subject });
    const path = `/v2/${NAME}/referrers/${subject.digest}`;
    const list = [entry(MANIFEST, bytes, { artifactType: "a/b" })];
    assertEquals(jsonOf((await api.send("GET", path)).bytes).manifests, list);
    await pushSample(api);
    assertEquals(jsonOf((await api.send("GET", path)).bytes).manifests, list);
    // Referrers belong to one repository.
    const elsewhere = await api.send("GET", `/v2/other/app/referrers/${subject.digest}`);
    assertEquals(jsonOf(elsewhere.bytes).manifests, []);
  },

  async "discovery: a manifest that does not exist has no referrers, which is no error"(api) {
    const reply = await api.send("GET", `/v2/${NAME}/referrers/${NOTHING}`);
    assertEquals([reply.status, jsonOf(reply.bytes).manifests], [200, []]);
    assertEquals((await api.send("GET", `/v2/${NAME}/referrers/sha256:0`)).status, 400);
  },
};

function entry(mediaType: string, bytes: Uint8Array, more: Record<string, unknown>) {
  return { mediaType, size: bytes.length, digest: sha256Of(bytes), ...more };
}

function byDigest(a: { digest: string }, b: { digest: string }): number {
  return a.digest < b.digest ? -1 : 1;
}
