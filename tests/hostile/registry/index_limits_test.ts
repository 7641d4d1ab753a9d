/** Indexes that are nested too deep, or name too many manifests: no push, no copy and no server takes them. */
import { assertEquals } from "@std/assert";
import type { Digest } from "../../../lib/digest/mod.ts";
import { OCI_LIMITS, type OciLimits, parseReference } from "../../../lib/oci/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { copyImage, pushImage, RegistryClient } from "../../../lib/registry/mod.ts";
import { serveRegistry } from "../../../lib/registry_server/mod.ts";
import { openMemoryStore } from "../../../lib/store/mod.ts";
import { Api, codeOf as replyCode, NAME, pushSample } from "../../conformance/registry_api.ts";
import { codeOf } from "../../support/code_of.ts";
import { type BuiltDescriptor, describe, jsonBytes } from "../../support/images/images.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import {
  type Answer,
  configFor,
  imageAnswer,
  partsOf,
  Servers,
} from "../../support/registry/hostile_registry.ts";
import { UploadRegistry } from "../../support/registry/upload_registry.ts";

const SAMPLE = sampleImage();
const INDEX = "application/vnd.oci.image.index.v1+json";
const REFERENCE = parseReference("r.example/app:1");

/** Documents by digest, the one with the name last. */
type Documents = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** Indexes around one image: `widths[0]` is how many descriptors the innermost has, all of the same child. */
function nested(widths: readonly number[]): Documents {
  const documents = new Map([[SAMPLE.descriptor.digest, SAMPLE.manifest]]);
  let child: BuiltDescriptor = SAMPLE.descriptor;
  for (const width of widths) {
    const manifests = Array(width).fill(child);
    const bytes = jsonBytes({ schemaVersion: 2, mediaType: INDEX, manifests });
    child = describe(INDEX, bytes);
    documents.set(child.digest, bytes);
  }
  return documents;
}

const deep = (depth: number) => nested(Array(depth).fill(1));
const named = (documents: Documents) => [...documents.keys()].at(-1) as string;

/** A registry that has the documents, the last one under the tag `1`. */
function serves(documents: Documents): Answer {
  const image = imageAnswer(SAMPLE);
  return (request, url) => {
    const name = /\/manifests\/(.*)$/.exec(url.pathname)?.[1];
    const digest = name === "1" ? named(documents) : name ?? "";
    const bytes = documents.get(digest);
    if (bytes === undefined) return image(request, url);
    const { mediaType } = JSON.parse(new TextDecoder().decode(bytes));
    return new Response(bytes, { headers: { "content-type": mediaType } });
  };
}

async function copied(documents: Documents, limits?: Partial<OciLimits>): Promise<string> {
  return await sent(async (to, servers) => {
    const from = servers.start(serves(documents));
    using reader = new RegistryClient(configFor(from, {}));
    using writer = new RegistryClient(configFor(to, {}));
    const [source, destination] = [reader, writer].map((client) => ({
      client,
      reference: REFERENCE,
    }));
    await copyImage(source!, destination!, { ociLimits: limits });
  });
}

async function pushed(documents: Documents, limits: Partial<OciLimits> = {}): Promise<string> {
  await using store = openMemoryStore();
  await using ingest = await store.ingest();
  const parts = new Map([...partsOf(SAMPLE), ...documents]);
  for (const [digest, bytes] of parts) {
    const type = documents.has(digest) ? JSON.parse(new TextDecoder().decode(bytes)).mediaType : "";
    const mediaType = type || "application/octet-stream";
    await ingest.blob(bytes, mediaType, { digest: digest as Digest, size: bytes.length });
  }
  const [digest, bytes] = [...documents].at(-1)!;
  ingest.image("r.example/app:1", {
    mediaType: INDEX,
    digest: digest as Digest,
    size: bytes.length,
  });
  await ingest.commit();
  for (const [name, value] of Object.entries(limits)) {
    store.settings.set(OCI_LIMITS[name as keyof OciLimits].setting, `${value}`);
  }
  return await sent(async (to) => {
    using client = new RegistryClient(configFor(to, {}));
    await pushImage(store, "r.example/app:1", REFERENCE, { client });
  });
}

/** What became of a transfer to a registry, which got all or nothing. */
async function sent(
  transfer: (to: string, servers: Servers) => Promise<void>,
): Promise<string> {
  await using servers = new Servers();
  const registry = new UploadRegistry();
  const to = servers.start(registry.answer);
  const code = await codeOf(() => transfer(to, servers));
  assertEquals(registry.manifests.has("1"), code === "ok");
  if (code !== "ok") assertEquals(servers.seen.filter(({ origin }) => origin === to), []);
  return code;
}

for (const [verb, transfer] of [["copy", copied], ["push", pushed]] as const) {
  Deno.test(`F17 ${verb}: indexes in indexes, by default and with a lowered limit`, async () => {
    const { value } = OCI_LIMITS.indexDepth;
    assertEquals(value, 4);
    for (const [depth, code] of [[3, "ok"], [4, "ok"], [5, "E_LIMIT"]] as const) {
      assertEquals(await transfer(deep(depth)), code, `${depth}`);
    }
    for (const [depth, code] of [[1, "ok"], [2, "ok"], [3, "E_LIMIT"]] as const) {
      assertEquals(await transfer(deep(depth), { indexDepth: 2 }), code, `${depth} of 2`);
    }
  });

  Deno.test(`F17 ${verb}: the manifests of all indexes count together`, async () => {
    for (const [width, code] of [[3, "ok"], [4, "ok"], [5, "E_LIMIT"]] as const) {
      // The outer index names the inner one.
      assertEquals(await transfer(nested([width, 1]), { manifests: 5 }), code, `${width} + 1`);
      assertEquals(await transfer(nested([width + 1]), { manifests: 5 }), code, `${width + 1}`);
    }
    // The default: `limits.oci.manifests`, not a number of its own.
    assertEquals(await transfer(nested([9_999, 1])), "ok");
    assertEquals(await transfer(nested([9_999, 2])), "E_LIMIT");
  });
}

/** Pushes the documents to varve's own registry, innermost first; gives the status of the last one. */
async function served(documents: Documents, limits?: Partial<OciLimits>): Promise<number> {
  await using store = openMemoryStore();
  await using pool = createPool({ inline: true });
  await using server = await serveRegistry(store, { pool, ociLimits: limits });
  const api = new Api(server.url);
  await pushSample(api);
  let status = 0;
  for (const [digest, bytes] of documents) {
    const { mediaType } = JSON.parse(new TextDecoder().decode(bytes));
    const name = digest === named(documents) ? "last" : digest;
    const reply = await api.put(NAME, name, bytes, mediaType);
    status = reply.status;
    if (status === 201) continue;
    assertEquals([digest, replyCode(reply)], [named(documents), "MANIFEST_INVALID"]);
    const path = `/v2/${NAME}/manifests/${name}`;
    assertEquals((await api.send("GET", path)).status, 404);
  }
  return status;
}

Deno.test("F17 served: indexes in indexes, by default and with a lowered limit", async () => {
  for (const [depth, status] of [[3, 201], [4, 201], [5, 400]] as const) {
    assertEquals(await served(deep(depth)), status, `${depth}`);
  }
  for (const [depth, status] of [[1, 201], [2, 201], [3, 400]] as const) {
    assertEquals(await served(deep(depth), { indexDepth: 2 }), status, `${depth} of 2`);
  }
});
