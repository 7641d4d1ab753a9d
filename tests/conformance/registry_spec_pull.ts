/** The cases of "Pull". */
import { assert, assertEquals } from "@std/assert";
import { sha256Of } from "../support/images/images.ts";
import {
  BLOB,
  BLOB_DIGEST,
  type Cases,
  codeOf,
  EMPTY_BODY,
  MANIFEST,
  NAME,
  NOTHING,
  pushSample,
} from "./registry_api.ts";

/** Pulls of what exists, and of what does not. */
export const PULL: Cases = {
  async "base: the endpoint identifies itself as a registry"(api) {
    assertEquals((await api.send("GET", "/v2/")).status, 200);
  },

  async "pull: missing manifests and blobs are 404, by GET and HEAD"(api) {
    await pushSample(api);
    for (
      const path of [
        "manifests/.INVALID_MANIFEST_NAME",
        "manifests/none",
        `manifests/${NOTHING}`,
        `blobs/${NOTHING}`,
      ]
    ) {
      const reply = await api.send("GET", `/v2/${NAME}/${path}`);
      assertEquals(reply.status, 404, path);
      const code = path.startsWith("blobs") ? "BLOB_UNKNOWN" : "MANIFEST_UNKNOWN";
      if (!path.includes("INVALID")) assertEquals(codeOf(reply), code);
      assertEquals((await api.send("HEAD", `/v2/${NAME}/${path}`)).status, 404, path);
    }
  },

  async "pull: a manifest by tag and by digest, byte for byte"(api) {
    const { image } = await pushSample(api);
    const { digest } = image.descriptor;
    for (const reference of ["1", digest]) {
      const path = `/v2/${NAME}/manifests/${reference}`;
      const got = await api.send("GET", path, { headers: { accept: MANIFEST } });
      assertEquals(got.status, 200);
      assertEquals(got.bytes, image.manifest);
      for (
        const { headers } of [got, await api.send("HEAD", path, { headers: { accept: MANIFEST } })]
      ) {
        assertEquals(headers.get("content-type"), MANIFEST);
        assertEquals(headers.get("docker-content-digest"), digest);
        assertEquals(headers.get("content-length"), String(image.manifest.length));
      }
    }
  },

  async "pull: a manifest keeps its media type, whatever Accept says"(api) {
    const { image } = await pushSample(api);
    for (const accept of ["*/*", "application/vnd.docker.distribution.manifest.v2+json"]) {
      const path = `/v2/${NAME}/manifests/${image.descriptor.digest}`;
      const reply = await api.send("GET", path, { headers: { accept } });
      assertEquals([reply.status, reply.bytes], [200, image.manifest], accept);
      assertEquals(reply.headers.get("content-type"), MANIFEST);
    }
  },

  async "pull: malformed names are refused"(api) {
    await pushSample(api);
    for (
      const name of ["team/App", "team/-app", "team..app", "team/app.", "%2e%2e/app", "team%00"]
    ) {
      for (const path of ["tags/list", "manifests/1", `blobs/${BLOB_DIGEST}`]) {
        const { status } = await api.send("GET", `/v2/${name}/${path}`);
        assert(status === 400 || status === 404, `${status} of ${name}/${path}`);
      }
      const { status } = await api.send("POST", `/v2/${name}/blobs/uploads/`, EMPTY_BODY);
      assert(status === 400 || status === 404, `${status} of POST ${name}`);
    }
  },

  async "pull: malformed digests are refused"(api) {
    await pushSample(api);
    for (const digest of ["sha256:0", "md5:d41d8cd98f00b204e9800998ecf8427e"]) {
      for (const kind of ["blobs", "manifests"]) {
        const reply = await api.send("GET", `/v2/${NAME}/${kind}/${digest}`);
        assert(reply.status === 400 || reply.status === 404, `${reply.status} of ${digest}`);
      }
    }
  },

  async "pull: a blob by GET and HEAD"(api) {
    const { image } = await pushSample(api);
    for (const { blob, descriptor } of image.layers) {
      const path = `/v2/${NAME}/blobs/${descriptor.digest}`;
      const got = await api.send("GET", path);
      assertEquals([got.status, got.bytes], [200, blob]);
      const head = await api.send("HEAD", path);
      assertEquals([head.status, head.bytes.length], [200, 0]);
      assertEquals(head.headers.get("content-length"), String(blob.length));
      assertEquals(head.headers.get("docker-content-digest"), descriptor.digest);
    }
  },

  async "pull: ranges of a blob, whether only uploaded or part of an image"(api) {
    const { image } = await pushSample(api);
    const layer = image.layers[0]?.blob ?? BLOB;
    await api.pushBlob(NAME, BLOB);
    for (const blob of [layer, BLOB]) {
      const path = `/v2/${NAME}/blobs/${sha256Of(blob)}`;
      const size = blob.length;
      for (
        const [range, start, end] of [
          ["bytes=0-0", 0, 1],
          ["bytes=3-9", 3, 10],
          [`bytes=5-${size + 100}`, 5, size],
          ["bytes=7-", 7, size],
          ["bytes=-4", size - 4, size],
        ] as const
      ) {
        const got = await api.send("GET", path, { headers: { range } });
        assertEquals([got.status, got.bytes], [206, blob.slice(start, end)], range);
        assertEquals(got.headers.get("content-range"), `bytes ${start}-${end - 1}/${size}`);
      }
      const beyond = await api.send("GET", path, { headers: { range: `bytes=${size}-` } });
      assertEquals(beyond.status, 416);
    }
  },
};
