/** What docker-registry 2.8, which is older than the specification 1.1, does instead. */
import { assertEquals } from "@std/assert";
import { sampleImage } from "../support/images/sample_image.ts";
import {
  type Api,
  BLOB,
  BLOB_DIGEST,
  codeOf,
  EMPTY_BODY,
  jsonOf,
  MANIFEST,
  NAME,
  NOTHING,
  OCTETS,
  pushSample,
  withDigest,
} from "./registry_api.ts";
import type { Deviations } from "./registry_spec.ts";

const PATCH = { headers: { ...OCTETS.headers, "content-range": "3-24" }, body: BLOB.slice(3) };

export const DOCKER_REGISTRY: Deviations = {
  "pull: malformed digests are refused": {
    why: "it fails at them where a manifest is asked for",
    async instead(api) {
      await pushSample(api);
      const { status } = await api.send("GET", `/v2/${NAME}/manifests/sha256:0`);
      assertEquals(status, 500);
      const blob = await api.send("GET", `/v2/${NAME}/blobs/sha256:0`);
      assertEquals([blob.status, codeOf(blob)], [400, "DIGEST_INVALID"]);
    },
  },
  "push: a blob by one POST": {
    why: "it takes the body in a PUT behind the POST, which the specification allows",
    async instead(api) {
      const path = `/v2/${NAME}/blobs/uploads/?digest=${BLOB_DIGEST}`;
      const reply = await api.send("POST", path, { ...OCTETS, body: BLOB });
      assertEquals(reply.status, 202);
      const address = withDigest(api.location(reply), BLOB_DIGEST);
      assertEquals((await api.send("PUT", address, { ...OCTETS, body: BLOB })).status, 201);
    },
  },
  "push: chunks out of order are 416, and the upload can resume": {
    why: "it appends every chunk, wherever that says it belongs; the digest tells at the end",
    async instead(api) {
      const early = await api.send("PATCH", await api.begin(NAME), PATCH);
      assertEquals([early.status, early.headers.get("range")], [202, "0-21"]);
      const end = await api.send("PUT", withDigest(api.location(early), BLOB_DIGEST), EMPTY_BODY);
      assertEquals([end.status, codeOf(end)], [400, "DIGEST_INVALID"]);
      assertEquals((await api.send("HEAD", `/v2/${NAME}/blobs/${BLOB_DIGEST}`)).status, 404);
    },
  },
  "push: the answer names the subject of a manifest, whether the subject exists or not": {
    why: "it knows no subject: no header, which tells clients to keep the tag of referrers",
    async instead(api) {
      const { image } = await pushSample(api);
      const { reply, bytes, digest } = await api.pushArtifact(NAME, undefined, {
        artifactType: "a/b",
        subject: image.descriptor,
      });
      assertEquals(reply.headers.get("oci-subject"), null);
      const accept = { headers: { accept: MANIFEST } };
      assertEquals(
        (await api.send("GET", `/v2/${NAME}/manifests/${digest}`, accept)).bytes,
        bytes,
      );
    },
  },
  "discovery: tags in order, in pages that Link connects": {
    why: "it lists all tags in one page and in no order, whatever n and last are",
    async instead(api) {
      for (const tag of ["d", "a", "c", "b"]) {
        await api.pushArtifact(NAME, tag, { artifactType: "a/b" });
      }
      for (const query of ["", "?n=2", "?last=c", "?n=0"]) {
        const reply = await api.send("GET", `/v2/${NAME}/tags/list${query}`);
        assertEquals(jsonOf(reply.bytes).tags.sort(), ["a", "b", "c", "d"], query);
        assertEquals(reply.headers.get("link"), null);
      }
    },
  },
  "discovery: referrers of a manifest, all and of one type": {
    why: "it has no such endpoint: 404, which tells clients to look for the tag of referrers",
    async instead(api) {
      const { image } = await pushSample(api);
      await noReferrers(api, image.descriptor.digest);
    },
  },
  "discovery: a referrer that was pushed before its subject": {
    why: "it has no such endpoint",
    async instead(api) {
      const subject = sampleImage().descriptor;
      await api.pushArtifact(NAME, undefined, { artifactType: "a/b", subject });
      await noReferrers(api, subject.digest);
    },
  },
  "discovery: a manifest that does not exist has no referrers, which is no error": {
    why: "it has no such endpoint",
    instead: (api) => noReferrers(api, NOTHING),
  },
  "pull: a manifest keeps its media type, whatever Accept says": {
    why: "what no Accept names is not there",
    async instead(api) {
      const { image } = await pushSample(api);
      for (const accept of ["*/*", "application/vnd.docker.distribution.manifest.v2+json"]) {
        const path = `/v2/${NAME}/manifests/${image.descriptor.digest}`;
        const reply = await api.send("GET", path, { headers: { accept } });
        assertEquals([reply.status, codeOf(reply)], [404, "MANIFEST_UNKNOWN"], accept);
      }
    },
  },
  "management: a tag is deleted, its manifest is not": {
    why: "it deletes manifests by digest alone, which the specification allows",
    async instead(api) {
      await pushSample(api);
      const path = `/v2/${NAME}/manifests/1`;
      const reply = await api.send("DELETE", path);
      assertEquals([reply.status, codeOf(reply)], [400, "DIGEST_INVALID"]);
      assertEquals((await api.send("HEAD", path, { headers: { accept: MANIFEST } })).status, 200);
    },
  },
  "management: blobs are deleted after their image, not before": {
    why: "it deletes the blob under the image, which the specification allows",
    async instead(api) {
      const { image } = await pushSample(api);
      const path = `/v2/${NAME}/blobs/${image.layers[0]?.descriptor.digest}`;
      assertEquals((await api.send("DELETE", path)).status, 202);
      assertEquals((await api.send("GET", path)).status, 404);
      const manifest = `/v2/${NAME}/manifests/1`;
      const accept = { headers: { accept: MANIFEST } };
      assertEquals((await api.send("GET", manifest, accept)).bytes, image.manifest);
    },
  },
};

async function noReferrers(api: Api, digest: string): Promise<void> {
  const reply = await api.send("GET", `/v2/${NAME}/referrers/${digest}`);
  assertEquals(reply.status, 404);
  assertEquals(reply.headers.get("oci-filters-applied"), null);
}
