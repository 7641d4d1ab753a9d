import { assertEquals } from "@std/assert";
import { RegistryClient } from "../../../lib/registry/mod.ts";
import { codeOf } from "../../support/code_of.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import { configFor, Servers } from "../../support/registry/hostile_registry.ts";

const image = sampleImage();

Deno.test("F09 a Docker-Content-Digest that is not that of the manifest is refused, by tag and by digest", async () => {
  const other = `sha256:${"0".repeat(64)}`;
  const sha512 = (text: Uint8Array<ArrayBuffer>) =>
    crypto.subtle.digest("SHA-512", text).then((sum) => `sha512:${new Uint8Array(sum).toHex()}`);
  for (
    const [header, verdict] of [
      [other, "E_DIGEST"],
      [await sha512(image.config), "E_DIGEST"],
      [await sha512(image.manifest), "ok"],
      [image.descriptor.digest, "ok"],
      ["no digest at all", "ok"],
    ] as const
  ) {
    await using servers = new Servers();
    const own = servers.start((_, { pathname }) =>
      pathname.includes("/manifests/")
        ? new Response(image.manifest, {
          headers: {
            "content-type": image.descriptor.mediaType,
            "docker-content-digest": header,
          },
        })
        : undefined
    );
    using client = new RegistryClient(configFor(own));
    const tagged = { repository: "app", tag: "1" };
    assertEquals(await codeOf(() => client.manifest(tagged)), verdict, header);
    const named = { repository: "app", digest: image.descriptor.digest as never };
    assertEquals(await codeOf(() => client.manifest(named)), verdict, header);
  }
});
