/** Clients of varve's registry that are refused while they still send. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { serveRegistry } from "../../../lib/registry_server/mod.ts";
import { openMemoryStore } from "../../../lib/store/mod.ts";
import { NAME, textBytes } from "../../conformance/registry_api.ts";

Deno.test("served: a client that still sends after a refusal gets to see the answer", async () => {
  await using store = openMemoryStore();
  await using server = await serveRegistry(store);
  const { port } = server;
  const body = new Uint8Array(6 * 2 ** 20);
  for (
    const [method, path, status] of [
      ["PUT", `/v2/${NAME}/manifests/1`, 413],
      ["PATCH", `/v2/${NAME}/blobs/uploads/none`, 404],
      ["PUT", "/v2/UPPER/manifests/1", 400],
    ] as const
  ) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(textBytes(
      `${method} ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n`,
    ));
    // The server answers before the body is sent.
    const first = new Uint8Array(12);
    for (let at = 0; at < 12;) at += await connection.read(first.subarray(at)) ?? 12;
    assertEquals(new TextDecoder().decode(first), `HTTP/1.1 ${status}`);
    for (let at = 0; at < body.length;) at += await connection.write(body.subarray(at));
    assertStringIncludes(await new Response(connection.readable).text(), '{"errors":[{"code":');
  }
});
