/** An image with attestations, as BuildKit makes them, is whole for every verb that reads or changes a store. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, blobPath, describe, jsonBytes, ociFiles } from "../support/images/images.ts";
import { amd, arm, attested, ofAmd, ofArm } from "../support/images/index_fixture.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

Deno.test("an image with attestations is checked, repaired, and gives up compressed layers", async () => {
  await using temp = await tempDir("varve-attested-");
  const varve = commandOn(temp.join("store"));
  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await varve(args);
    assertEquals(code, 0, `${args.join(" ")}: ${stdout}${stderr}`);
    return stdout;
  };
  const files = new Map(ociFiles([amd, arm]));
  for (const bytes of [attested, ...ofAmd.files, ...ofArm.files]) {
    files.set(blobPath(describe("", bytes).digest), bytes);
  }
  const target = describe("application/vnd.oci.image.index.v1+json", attested);
  const named = { ...target, annotations: { "io.containerd.image.name": "x.org/app:1" } };
  files.set("index.json", jsonBytes({ schemaVersion: 2, manifests: [named] }));
  await Deno.writeFile(temp.join("app.tar"), archiveTar(files));
  await ok("load", temp.join("app.tar"));
  await ok("fsck", "--deep");
  await ok("verify", "x.org/app:1");
  await ok("gc", "--drop-compressed");
  const { manifests } = JSON.parse(await ok("index", "ls", "x.org/app:1", "--format", "json"));
  const [first, second, ...attestations] = manifests;
  assertNotEquals(first.digest, amd.descriptor.digest);
  const shown = attestations.map((
    { digest, attests }: Record<string, string>,
  ) => [digest, attests]);
  assertEquals(shown, [[ofAmd.entry.digest, first.digest], [ofArm.entry.digest, second.digest]]);
  await ok("gc");
  await ok("fsck", "--deep", "--repair");
  await ok("index", "rm", "x.org/app:1", "linux/amd64");
  const left = JSON.parse(await ok("index", "ls", "x.org/app:1", "--format", "json"));
  assertEquals(left.manifests.map(({ digest }: { digest: string }) => digest), [
    second.digest,
    ofArm.entry.digest,
  ]);
});
