/** The cases of "Push" for blobs. */
import { assertEquals, assertMatch } from "@std/assert";
import {
  type Api,
  BLOB,
  BLOB_DIGEST,
  type Cases,
  codeOf,
  EMPTY_BODY,
  NAME,
  NOTHING,
  OCTETS,
  withDigest,
} from "./registry_api.ts";

/** Uploads, mounts and cancelled uploads of blobs. */
export const UPLOADS: Cases = {
  async "push: a blob by POST and PUT"(api) {
    const address = withDigest(await api.begin(NAME), BLOB_DIGEST);
    const reply = await api.send("PUT", address, { ...OCTETS, body: BLOB });
    assertEquals(reply.status, 201);
    assertEquals((await api.send("GET", api.location(reply))).bytes, BLOB);
  },

  async "push: a blob by one POST"(api) {
    const path = `/v2/${NAME}/blobs/uploads/?digest=${BLOB_DIGEST}`;
    const reply = await api.send("POST", path, { ...OCTETS, body: BLOB });
    assertEquals(reply.status, 201);
    assertEquals(reply.headers.get("docker-content-digest"), BLOB_DIGEST);
    assertEquals((await api.send("GET", api.location(reply))).bytes, BLOB);
  },

  async "push: a blob streamed by PATCH"(api) {
    const reply = await api.send("PATCH", await api.begin(NAME), { ...OCTETS, body: BLOB });
    assertEquals(reply.status, 202);
    const end = await api.send("PUT", withDigest(api.location(reply), BLOB_DIGEST), EMPTY_BODY);
    assertEquals(end.status, 201);
    assertEquals((await api.send("GET", `/v2/${NAME}/blobs/${BLOB_DIGEST}`)).bytes, BLOB);
  },

  async "push: a blob in chunks, with its status in between"(api) {
    let address = await api.begin(NAME);
    const first = await patch(api, address, 0, 3);
    assertEquals(first.status, 202);
    assertEquals(first.headers.get("range"), "0-2");
    const status = await api.send("GET", api.location(first));
    assertEquals(status.status, 204);
    assertEquals(status.headers.get("range"), "0-2");
    address = api.location(status);
    const second = await patch(api, address, 3, 10);
    assertEquals(second.status, 202);
    assertEquals(second.headers.get("range"), "0-9");
    const last = await api.send("PUT", withDigest(api.location(second), BLOB_DIGEST), {
      headers: { ...OCTETS.headers, "content-range": `10-${BLOB.length - 1}` },
      body: BLOB.slice(10),
    });
    assertEquals(last.status, 201);
    assertEquals((await api.send("GET", `/v2/${NAME}/blobs/${BLOB_DIGEST}`)).bytes, BLOB);
  },

  async "push: chunks out of order are 416, and the upload can resume"(api) {
    const address = await api.begin(NAME);
    for (const from of [3, 20]) {
      const early = await patch(api, address, from, BLOB.length);
      assertEquals(early.status, 416);
    }
    const first = await patch(api, address, 0, 3);
    const again = await patch(api, api.location(first), 0, 3);
    assertEquals(again.status, 416);
    assertEquals(again.headers.get("range"), "0-2");
    const malformed = await api.send("PATCH", api.location(first), {
      headers: { ...OCTETS.headers, "content-range": "bytes three" },
      body: BLOB.slice(3),
    });
    assertEquals(malformed.status, 416);
    const rest = await patch(api, api.location(first), 3, BLOB.length);
    const end = await api.send("PUT", withDigest(api.location(rest), BLOB_DIGEST), EMPTY_BODY);
    assertEquals(end.status, 201);
  },

  async "push: an upload is cancelled"(api) {
    const address = await api.begin(NAME);
    assertEquals((await api.send("DELETE", address)).status, 204);
    const gone = await api.send("GET", address);
    assertEquals([gone.status, codeOf(gone)], [404, "BLOB_UPLOAD_UNKNOWN"]);
  },

  async "push: an upload that ended or never began is 404"(api) {
    const ended = await api.begin(NAME);
    const end = await api.send("PUT", withDigest(ended, BLOB_DIGEST), { ...OCTETS, body: BLOB });
    assertEquals(end.status, 201);
    const never = `/v2/${NAME}/blobs/uploads/00000000-0000-4000-8000-000000000000`;
    for (const address of [ended, new URL(never, api.base).href]) {
      for (const method of ["GET", "PATCH", "PUT", "DELETE"]) {
        const reply = await api.send(method, withDigest(address, BLOB_DIGEST), {
          ...(method === "GET" ? {} : { ...OCTETS, body: BLOB }),
        });
        assertEquals(reply.status, 404, `${method} ${address}`);
        assertMatch(String(codeOf(reply)), /^BLOB_UPLOAD_/);
      }
    }
  },

  async "push: bytes of another digest are refused"(api) {
    const address = withDigest(await api.begin(NAME), NOTHING);
    const reply = await api.send("PUT", address, { ...OCTETS, body: BLOB });
    assertEquals([reply.status, codeOf(reply)], [400, "DIGEST_INVALID"]);
    for (const digest of [NOTHING, BLOB_DIGEST]) {
      assertEquals((await api.send("HEAD", `/v2/${NAME}/blobs/${digest}`)).status, 404);
    }
    const none = await api.send("PUT", await api.begin(NAME), { ...OCTETS, body: BLOB });
    assertEquals([none.status, codeOf(none)], [400, "DIGEST_INVALID"]);
  },

  async "push: a blob is mounted from another repository, or uploaded"(api) {
    await api.pushBlob(NAME, BLOB);
    const mount = (digest: string) =>
      api.send("POST", `/v2/other/app/blobs/uploads/?mount=${digest}&from=${NAME}`, EMPTY_BODY);
    const reply = await mount(BLOB_DIGEST);
    assertEquals(reply.status, 201);
    assertEquals((await api.send("GET", api.location(reply))).bytes, BLOB);
    assertEquals((await api.send("GET", `/v2/other/app/blobs/${BLOB_DIGEST}`)).bytes, BLOB);
    const absent = await mount(NOTHING);
    assertEquals(absent.status, 202);
    assertMatch(api.location(absent), /\/blobs\/uploads\/./);
  },

  async "push: a mount without a source repository succeeds, or begins an upload"(api) {
    await api.pushBlob(NAME, BLOB);
    const path = `/v2/other/app/blobs/uploads/?mount=${BLOB_DIGEST}`;
    const reply = await api.send("POST", path, EMPTY_BODY);
    if (reply.status === 201) {
      assertEquals((await api.send("GET", api.location(reply))).bytes, BLOB);
    } else {
      assertEquals(reply.status, 202);
      const end = withDigest(api.location(reply), BLOB_DIGEST);
      assertEquals((await api.send("PUT", end, { ...OCTETS, body: BLOB })).status, 201);
    }
  },
};

function patch(api: Api, address: string, start: number, end: number) {
  return api.send("PATCH", address, {
    headers: { ...OCTETS.headers, "content-range": `${start}-${end - 1}` },
    body: BLOB.slice(start, end),
  });
}
