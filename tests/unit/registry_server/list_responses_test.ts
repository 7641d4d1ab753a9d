import { assert, assertEquals } from "@std/assert";
import type { Digest } from "../../../lib/digest/mod.ts";
import type { Catalog } from "../../../lib/registry_server/catalog.ts";
import type { RegistryRequest } from "../../../lib/registry_server/http.ts";
import { listReferrers } from "../../../lib/registry_server/list_responses.ts";
import { type RepositoryName, repositoryOf } from "../../../lib/registry_server/repository_name.ts";
import { sha256Of } from "../../support/images/images.ts";

const REPOSITORY = repositoryOf("app") as RepositoryName;

/** Largest document that clients read, in bytes. */
const MAX_DOCUMENT = 4 * 1024 * 1024;

Deno.test("server: a page of referrers fits into what clients read, whatever characters it has", async () => {
  const subject = sha256Of("subject") as Digest;
  // Three bytes each.
  const annotations = { title: "界".repeat(100_000) };
  const digests = Array.from({ length: 30 }, (_, i) => sha256Of(`${i}`)).sort();
  const found = digests.map((digest) => ({
    descriptor: { mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size: 1 },
    artifactType: "application/x",
    annotations,
  }));
  const catalog = { referrers: () => Promise.resolve(found) } as unknown as Catalog;
  const seen: string[] = [];
  let pages = 0;
  for (let query: URLSearchParams | undefined = new URLSearchParams(); query !== undefined;) {
    pages++;
    const request = { query } as RegistryRequest;
    const response = await listReferrers(catalog, REPOSITORY, subject, request);
    const body = response.body as Uint8Array;
    assert(body.length < MAX_DOCUMENT, `${body.length} bytes`);
    const { manifests } = JSON.parse(new TextDecoder().decode(body));
    seen.push(...manifests.map(({ digest }: { digest: string }) => digest));
    const link = /^<[^?]*\?([^>]*)>/.exec(response.headers?.["link"] ?? "")?.[1];
    query = link === undefined ? undefined : new URLSearchParams(link);
  }
  assertEquals(seen, digests);
  assertEquals(pages, 3);
});
