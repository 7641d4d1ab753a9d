/** `varve catalog`, `blob` and `delete` against a registry over a store. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { sha256 } from "../../lib/digest/mod.ts";
import { Api, pushSample } from "../conformance/registry_api.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { servedStore } from "../support/registry/served_store.ts";

/** `varve blob` gives the bytes of a layer, and refuses what is not there. */
async function checkBlob(
  varve: ReturnType<typeof commandOn>,
  host: string,
  { layers }: { readonly layers: readonly { readonly digest: string; readonly size: number }[] },
): Promise<void> {
  const [{ digest, size }] = layers as [typeof layers[number]];
  const name = `${host}/team/app@${digest}`;
  const { code, bytes, stderr } = await varve(["blob", name]);
  assertEquals([code, bytes.length, sha256(bytes)], [0, size, digest], stderr);
  const file = await Deno.makeTempFile();
  const json = await varve(["blob", name, "-o", file, "--format", "json"]);
  assertEquals(JSON.parse(json.stdout), { digest, size, to: file });
  assertEquals(await Deno.readFile(file), bytes);
  await Deno.remove(file);
  const none = await varve(["blob", `${host}/team/app@sha256:${"0".repeat(64)}`, "-o", file]);
  assertEquals(none.code, 4, none.stderr);
  assertEquals(await Deno.stat(file).catch((error) => error.name), "NotFound");
  assertEquals((await varve(["blob", `${host}/team/app:1`])).code, 2);
}

Deno.test("catalog lists the repositories of a registry, and delete deletes a tag or a manifest", async () => {
  await using temp = await tempDir();
  await using server = await servedStore(temp.join("store"));
  const { image } = await pushSample(new Api(server.url));
  const host = `127.0.0.1:${server.port}`;
  const varve = commandOn(temp.join("none"));
  const listed = await varve(["catalog", host]);
  assertEquals([listed.code, listed.stdout, listed.stderr], [0, "team/app\n", ""]);
  const json = JSON.parse((await varve(["catalog", host, "--format", "json"])).stdout);
  assertEquals(json, { registry: host, repositories: ["team/app"] });
  const unclear = await varve(["delete", `${host}/team/app`]);
  assertEquals(unclear.code, 2);
  assertStringIncludes(unclear.stderr, `write ${host}/team/app:TAG`);
  assertEquals(
    (await varve(["digest", `${host}/team/app:1`])).stdout,
    `${image.descriptor.digest}\n`,
  );
  await checkBlob(
    varve,
    host,
    JSON.parse((await varve(["manifest", `${host}/team/app:1`])).stdout),
  );
  const deleted = await varve(["delete", `${host}/team/app:1`]);
  assertEquals([deleted.code, deleted.stdout, deleted.stderr], [0, `${host}/team/app:1\n`, ""]);
  assertEquals((await varve(["digest", `${host}/team/app:1`])).code, 4);
  assertEquals((await varve(["delete", `${host}/team/app:1`])).code, 4);
  await pushSample(new Api(server.url));
  assertEquals((await varve(["delete", `${host}/team/app@${image.descriptor.digest}`])).code, 0);
  assertEquals((await varve(["digest", `${host}/team/app:1`])).code, 4);
  // No store was made.
  assertEquals(await Deno.stat(temp.join("none")).catch((error) => error.name), "NotFound");
});
