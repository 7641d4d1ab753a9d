import { assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../../../lib/errors.ts";
import { parseReference } from "../../../../lib/oci/mod.ts";
import { copyImage, pullImage, pushImage, RegistryClient } from "../../../../lib/registry/mod.ts";
import { serveRegistry } from "../../../../lib/registry_server/mod.ts";
import { findImage, openMemoryStore } from "../../../../lib/store/mod.ts";
import { codeOf } from "../../../support/code_of.ts";
import { buildImage } from "../../../support/images/images.ts";
import { reworkFixture } from "../../../support/images/memory_store.ts";

/** The server keeps uploads there. */
const TEMP = Deno.env.get("TMPDIR") ?? "/tmp";

const image = buildImage({
  name: "example.org/app:1",
  layers: [[{ name: "a", content: "a".repeat(10_000) }]],
  packing: "none",
});

Deno.test({
  name: "a push, a copy and a pull take names alone; they are anonymous and read no file",
  permissions: { net: true, read: [TEMP], write: [TEMP], env: false, run: false },
  async fn() {
    await using fixture = reworkFixture();
    const { store, pool } = fixture;
    await fixture.load(image);
    await using served = openMemoryStore();
    await using registry = await serveRegistry(served, { pool });
    const host = `localhost:${registry.port}`;
    const pushed = await pushImage(store, "example.org/app:1", `${host}/app:1`);
    const record = await findImage(store, "example.org/app:1");
    assertEquals(pushed.digest, record.target.digest);
    await copyImage(`${host}/app:1`, `${host}/copy:1`);
    await using other = openMemoryStore();
    const pulled = await pullImage(other, `${host}/copy:1`, { pool });
    assertEquals(pulled.manifest, pushed.digest);
    // One client for all registries, which ends what it has made.
    using client = new RegistryClient();
    await pullImage(other, `${host}/app:1`, { pool, client });
    assertEquals(await (await client.for(parseReference(`${host}/app`))).tags("app"), ["1"]);
    await assertRejects(() => client.tags("app"), TypeError);
    const bound = await client.for(parseReference(`${host}/app`));
    const elsewhere = () => pullImage(other, "example.org/app:1", { pool, client: bound });
    await assertRejects(elsewhere, TypeError, "the client is for");
  },
});

Deno.test("a push compresses what is not compressed, and refuses a name with another digest", async () => {
  await using fixture = reworkFixture();
  const { store, pool } = fixture;
  await fixture.load(image);
  await using served = openMemoryStore();
  await using registry = await serveRegistry(served, { pool });
  const host = `localhost:${registry.port}`;
  const { target } = await findImage(store, "example.org/app:1");
  const options = { pool, compression: "zstd" } as const;
  const pushed = await pushImage(store, "example.org/app:1", `${host}/app:1`, options);
  assertEquals(pushed.digest === target.digest, false);
  assertEquals(Math.min(...pushed.blobs.map(({ size }) => size)) < 10_000, true);
  assertEquals((await findImage(served, "app:1")).target.digest, pushed.digest);
  const other = `${host}/app@sha256:${"1".repeat(64)}`;
  assertEquals(await codeOf(() => pushImage(store, target.digest, other, { pool })), "E_USAGE");
});

Deno.test("an error of a registry holds its status and the registry's own code", async () => {
  await using store = openMemoryStore();
  await using registry = await serveRegistry(store, { readOnly: true });
  const pulling = pullImage(store, `localhost:${registry.port}/none:1`);
  const { code, details } = await assertRejects(() => pulling, VarveError);
  assertEquals([code, details.status, details.registryCode], [
    "E_NOT_FOUND",
    404,
    "MANIFEST_UNKNOWN",
  ]);
  await using fixture = reworkFixture();
  await fixture.load(image);
  const pushing = pushImage(fixture.store, "example.org/app:1", `localhost:${registry.port}/app:1`);
  const refused = await assertRejects(() => pushing, VarveError);
  assertEquals([refused.details.status, refused.details.registryCode], [405, "UNSUPPORTED"]);
});

Deno.test("words of a registry that are no code stay out of the details", async () => {
  for (const [said, kept] of [["DENIED", "DENIED"], ["hunter2", undefined], [7, undefined]]) {
    const body = JSON.stringify({ errors: [{ code: said }, { code: "LATER" }] });
    await using server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen: () => {} },
      () => new Response(body, { status: 403 }),
    );
    const client = new RegistryClient();
    using _ = client;
    const name = `localhost:${server.addr.port}/app:1`;
    const pulling = pullImage(openMemoryStore(), name, { client });
    const { code, details } = await assertRejects(() => pulling, VarveError);
    assertEquals([code, details.status, details.registryCode], ["E_DENIED", 403, kept]);
  }
});
