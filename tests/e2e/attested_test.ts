/** An image with attestations, as BuildKit makes them, is whole for every verb that reads or changes a store. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, blobPath, describe, jsonBytes, ociFiles } from "../support/images/images.ts";
import {
  amd,
  arm,
  attested,
  entryOf,
  indexOf,
  ofAmd,
  ofArm,
} from "../support/images/index_fixture.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A command on an empty store, and how to load an index of `amd` and `arm` into it. */
function fixture(temp: TempDir) {
  const varve = commandOn(temp.join("store"));
  const ok = async (...args: string[]) => {
    const { code, stdout, stderr } = await varve(args);
    assertEquals(code, 0, `${args.join(" ")}: ${stdout}${stderr}`);
    return stdout;
  };
  const load = async (name: string, index: Bytes, others: readonly Bytes[] = []) => {
    const files = new Map(ociFiles([amd, arm]));
    for (const bytes of [index, ...others]) files.set(blobPath(describe("", bytes).digest), bytes);
    const target = describe("application/vnd.oci.image.index.v1+json", index);
    const named = { ...target, annotations: { "io.containerd.image.name": name } };
    files.set("index.json", jsonBytes({ schemaVersion: 2, manifests: [named] }));
    await Deno.writeFile(temp.join("app.tar"), archiveTar(files));
    await ok("load", temp.join("app.tar"));
  };
  return { ok, load };
}

Deno.test("an image with attestations is checked, repaired, and gives up compressed layers", async () => {
  await using temp = await tempDir("varve-attested-");
  const { ok, load } = fixture(temp);
  await load("x.org/app:1", attested, [...ofAmd.files, ...ofArm.files]);
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

Deno.test("an index with a subject gives up compressed layers and keeps it, an artifact stays", async () => {
  await using temp = await tempDir("varve-referrer-");
  const { ok, load } = fixture(temp);
  const subject = describe("application/vnd.oci.image.index.v1+json", attested);
  const children = [entryOf(amd, "amd64"), entryOf(arm, "arm64")];
  const artifact = indexOf(children, { artifactType: "application/x.test", subject });
  await load("x.org/artifact:1", artifact);
  await load("x.org/image:1", indexOf(children, { subject }));
  await ok("gc", "--drop-compressed");
  const documents: Record<string, { subject: unknown; manifests: { digest: string }[] }> = {};
  for (const name of ["artifact", "image"]) {
    await ok("save", `x.org/${name}:1`, "--oci-dir", temp.join(name));
    const read = async (path: string) => JSON.parse(await Deno.readTextFile(temp.join(name, path)));
    const { manifests: [target] } = await read("index.json");
    documents[name] = await read(blobPath(target.digest));
  }
  assertEquals(documents["artifact"], JSON.parse(new TextDecoder().decode(artifact)));
  assertEquals(documents["image"]?.subject, subject);
  assertNotEquals(documents["image"]?.manifests[0]?.digest, amd.descriptor.digest);
  await ok("fsck", "--deep");
});
