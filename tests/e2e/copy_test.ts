/** `varve copy` between registries, archives, layouts and the store. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import {
  archiveTar,
  blobPath,
  buildImage,
  describe,
  dockerFiles,
  jsonBytes,
  ociFiles,
  writeArchive,
} from "../support/images/images.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { servedStore } from "../support/registry/served_store.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";
const NAME = "example.org/team/app";
const [amd, arm, docker] = [
  { name: `${NAME}:amd`, config: { architecture: "amd64" }, docker: false },
  { name: `${NAME}:arm`, config: { architecture: "arm64" }, docker: false },
  { name: `${NAME}:docker`, config: { architecture: "amd64" }, docker: true },
].map((spec) =>
  buildImage({ ...spec, layers: [[{ name: "base" }], [{ name: "f", content: spec.name }]] })
) as [Built, Built, Built];
type Built = ReturnType<typeof buildImage>;
const index = jsonBytes({
  schemaVersion: 2,
  mediaType: INDEX,
  manifests: [amd, arm].map(({ descriptor }, at) => ({
    ...descriptor,
    platform: { os: "linux", architecture: at === 0 ? "amd64" : "arm64" },
  })),
});
const both = describe(INDEX, index);

/** A layout with an image of each platform, Docker's documents and an index, each with a tag. */
function layoutFiles() {
  const files = new Map(ociFiles([amd, arm, docker]));
  files.set(blobPath(both.digest), index);
  const named = [[amd.descriptor, "amd"], [arm.descriptor, "arm"], [docker.descriptor, "docker"]];
  const manifests = [...named, [both, "both"]].map(([descriptor, tag]) => ({
    ...descriptor as typeof both,
    annotations: {
      "io.containerd.image.name": `${NAME}:${tag}`,
      "org.opencontainers.image.ref.name": tag,
    },
  }));
  files.set("index.json", jsonBytes({ schemaVersion: 2, mediaType: INDEX, manifests }));
  return files;
}

async function fixture() {
  const temp = await tempDir("varve-copy-");
  const layout = temp.join("layout");
  await Deno.mkdir(layout);
  await writeArchive(layout, layoutFiles());
  const varve = commandOn(temp.join("store"));
  const copy = async (...args: string[]) => {
    const { code, stdout, stderr } = await varve(["copy", "--format", "json", ...args]);
    assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
    return { ...JSON.parse(stdout), stderr };
  };
  const fails = async (exit: number, said: string, ...args: string[]) => {
    const { code, stderr } = await varve(["copy", ...args]);
    assertEquals(code, exit, stderr);
    assertStringIncludes(stderr, said);
  };
  const isThere = (name: string) => Deno.lstat(temp.join(name)).then(() => true, () => false);
  const dispose = () => temp[Symbol.asyncDispose]();
  return { temp, layout, varve, copy, fails, isThere, [Symbol.asyncDispose]: dispose };
}

Deno.test({
  name: "copy: an image keeps its digest on its way through every kind of place",
  // Libraries stay loaded until the process ends.
  sanitizeResources: false,
  async fn() {
    await using on = await fixture();
    const { temp, layout, varve, copy, isThere } = on;
    await using server = await servedStore(temp.join("served"));
    const at = (name: string) => `docker://${server.host}/${name}`;
    for (const [tag, digest] of [["both", both.digest], ["docker", docker.descriptor.digest]]) {
      const ways = [
        [`oci:${layout}:${tag}`, at(`one/app:${tag}`)],
        [at(`one/app:${tag}`), `oci-archive:${temp.join(`${tag}.tar`)}`],
        [`oci-archive:${temp.join(`${tag}.tar`)}`, `oci:${temp.join("second")}:${tag}`],
        [`oci:${temp.join("second")}:${tag}`, `${server.host}/two/app:${tag}`],
        [`${server.host}/two/app:${tag}`, at(`three/app:${tag}`)],
      ];
      for (const [from = "", to = ""] of ways) {
        assertEquals((await copy(from, to)).digest, digest, `${from} ${to}`);
      }
      assertEquals(
        (await varve(["digest", `${server.host}/three/app:${tag}`])).stdout,
        `${digest}\n`,
      );
    }
    assertEquals(await isThere("store"), false);
    assertEquals((await copy(at("three/app:both"), "store:x.org/app:both")).digest, both.digest);
    const out = `oci:${temp.join("third")}:new.org/app:1`;
    const first = await copy("store:x.org/app:both", out);
    assertEquals(first.counts, { present: 0, mounted: 0, uploaded: 5 });
    // Again nothing is written, and what is damaged is mended.
    assertEquals((await copy("store:x.org/app:both", out)).counts.present, 5);
    const blob = temp.join("third", blobPath(amd.layers[1]?.descriptor.digest as string));
    await Deno.writeTextFile(blob, "damaged");
    assertEquals((await copy("store:x.org/app:both", out)).counts.uploaded, 1);
    assertEquals(await Deno.readFile(blob), amd.layers[1]?.blob);
    const { manifests } = JSON.parse(await Deno.readTextFile(temp.join("third", "index.json")));
    assertEquals(manifests.map((entry: { annotations: unknown }) => entry.annotations), [{
      "io.containerd.image.name": "new.org/app:1",
      "org.opencontainers.image.ref.name": "new.org/app:1",
    }]);
    assertEquals((await varve(["cat", `${out}:/f`, "--platform", "linux/arm64"])).stdout, arm.name);
  },
});

Deno.test("copy: into a docker-archive goes one platform, and its layers may be compressed later", async () => {
  await using on = await fixture();
  const { temp, layout, varve, copy, fails } = on;
  const file = temp.join("app.tar");
  await copy("--platform", "linux/arm64", `oci:${layout}:both`, `docker-archive:${file}:x.org/a:1`);
  const shown = await varve(["inspect", `docker-archive:${file}`, "--format", "json"]);
  assertStringIncludes(shown.stdout, arm.imageId);
  // A file that docker itself writes: layers are not compressed, and it has no manifest.
  const plain = buildImage({ name: "x.org/plain:1", packing: "none", layers: [[{ name: "f" }]] });
  await Deno.writeFile(file, archiveTar(dockerFiles([plain])));
  const made = temp.join("made");
  await copy(`docker-archive:${file}`, `oci:${made}`);
  await copy(`docker-archive:${file}`, `oci:${made}:zstd`, "--compression", "zstd");
  const inspected = await varve(["layers", `oci:${made}:zstd`, "--format", "json"]);
  assertMatch(inspected.stdout, /zstd/);
  const left = await Array.fromAsync(Deno.readDir(made), ({ name }) => name);
  assertEquals(left.toSorted(), ["blobs", "index.json", "oci-layout"]);
  await fails(2, "copied byte for byte", `oci:${layout}:amd`, "oci:x", "--compression", "gzip");
  // A compressed tar can only be read from its start.
  const packed = temp.join("app.tar.gz");
  const gzip = new Blob([archiveTar(layoutFiles())]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  await Deno.writeFile(packed, gzip);
  const { digest, stderr } = await copy(`oci-archive:${packed}:arm`, `oci:${made}:arm`);
  assertEquals(digest, arm.descriptor.digest);
  assertEquals(stderr.includes("warning"), false, stderr);
});

Deno.test("copy: --platform takes a manifest, or several as a new index", async () => {
  await using on = await fixture();
  const { temp, layout, varve, copy, fails, isThere } = on;
  const from = `oci:${layout}:both`;
  const one = await copy("--platform", "linux/arm64", from, `oci:${temp.join("one")}:1`);
  assertEquals([one.digest, one.blobs.length], [arm.descriptor.digest, 3]);
  const platforms = ["--platform", "linux/arm64", "--platform", "linux/amd64"];
  assertEquals((await copy(...platforms, from, "store:x.org/all:1")).digest, both.digest);
  const stored = await copy("--platform", "linux/amd64", "store:x.org/all:1", "store:x.org/one:1");
  assertEquals(stored.digest, amd.descriptor.digest);
  await fails(7, "linux/s390x", "--platform", "linux/s390x", from, `oci:${temp.join("none")}`);
  const wrong = ["--platform", "linux/arm64", `oci:${layout}:amd`, `oci:${temp.join("none")}`];
  await fails(7, "the image is for another platform", ...wrong);
  assertEquals(await isThere("none"), false);
  // The store has one platform of the index only.
  const { code } = await varve(["load", `oci:${layout}:both`, "--platform", "linux/arm64"]);
  assertEquals(code, 0);
  const named = await copy(`store:${NAME}:both`, `oci:${temp.join("named")}`);
  assertEquals(named.digest, arm.descriptor.digest);
  // The layout has one platform of the index only.
  await Deno.remove(`${layout}/${blobPath(arm.descriptor.digest)}`);
  await fails(7, "does not hold the manifest", from, `oci:${temp.join("none")}`);
  await copy("--platform", "linux/amd64", from, `oci:${temp.join("half")}`);
});

Deno.test({
  name: "copy --all-tags copies each tag, skips what is there, and goes on after a failure",
  // Libraries stay loaded until the process ends.
  sanitizeResources: false,
  async fn() {
    await using on = await fixture();
    const { temp, layout, varve, copy, fails, isThere } = on;
    await using server = await servedStore(temp.join("served"));
    const repository = `docker://${server.host}/team/app`;
    for (const tag of ["amd", "arm", "both"]) {
      await copy(`oci:${layout}:${tag}`, `${repository}:${tag}`);
    }
    const to = `${server.host}/other/app`;
    const presentOf = ({ tags }: { tags: { tag: string; present: boolean; digest: string }[] }) =>
      Object.fromEntries(tags.map(({ tag, present }) => [tag, present]));
    const first = await copy("--all-tags", repository, to);
    assertEquals(presentOf(first), { amd: false, arm: false, both: false });
    await copy(`${to}:arm`, `${to}:amd`);
    assertEquals(presentOf(await copy("--all-tags", repository, to)), {
      amd: false,
      arm: true,
      both: true,
    });
    const out = temp.join("out");
    await copy("--all-tags", repository, `oci:${out}`);
    const shown = await Promise.all(
      ["amd", "arm"].map((tag) => varve(["cat", `oci:${out}:${tag}:/f`])),
    );
    assertEquals(shown.map(({ stdout }) => stdout), [amd.name, arm.name]);
    await copy("--all-tags", repository, "store:x.org/all");
    const images = (await varve(["images", "x.org/*", "-q", "--format", "{{.name}}"])).stdout;
    assertMatch(images, /all:amd\n(?:.*\n)*.*all:arm/);
    // The tag of the other platform fails, the others are copied.
    const one = ["--all-tags", "--platform", "linux/arm64", repository, `oci:${temp.join("arm")}`];
    const { code, stdout, stderr } = await varve(["copy", "--format", "json", ...one]);
    assertEquals(code, 7);
    assertStringIncludes(stderr, "tag amd was not copied");
    const { tags } = JSON.parse(stdout) as { tags: { tag: string; error?: { code: string } }[] };
    const failed = tags.filter(({ error }) => error?.code === "E_PLATFORM").map(({ tag }) => tag);
    assertEquals([tags.length, failed], [3, ["amd"]]);
    assertEquals(await isThere("arm/index.json"), true);

    await fails(4, "", "--all-tags", `${repository}s`, `oci:${temp.join("none")}`);
    await fails(2, "without a tag", "--all-tags", `${repository}:amd`, `oci:${out}`);
    await fails(2, "leave the tag out", "--all-tags", repository, `oci:${out}:x`);
    await fails(2, "leave the tag out", "--all-tags", repository, `${to}:x`);
    await fails(2, "leave the tag out", "--all-tags", repository, "store:a:x");
    await fails(2, "write oci:DIR", "--all-tags", repository, "oci-archive:x.tar");
  },
});

Deno.test({
  name: "copy: the limits that are set in the store hold for what passes by it",
  // Libraries stay loaded until the process ends.
  sanitizeResources: false,
  async fn() {
    await using on = await fixture();
    const { temp, layout, varve, copy, fails, isThere } = on;
    await using server = await servedStore(temp.join("served"));
    await copy(`oci:${layout}:amd`, `docker://${server.host}/app:1`);
    assertEquals(await isThere("store"), false);
    assertEquals((await varve(["config", "set", "limits.oci.layers", "1"])).code, 0);
    for (const source of [`oci:${layout}:amd`, `docker://${server.host}/app:1`]) {
      await fails(8, "limit", source, `docker://${server.host}/other:1`);
      await fails(8, "limit", source, `oci:${temp.join("out")}`);
    }
    await fails(8, "limit", "--all-tags", `docker://${server.host}/app`, `oci:${temp.join("out")}`);
    assertEquals(await isThere("out"), false);
    assertEquals((await varve(["config", "set", "limits.oci.layers", "2"])).code, 0);
    await copy(`docker://${server.host}/app:1`, `oci:${temp.join("out")}`);
    assertEquals((await varve(["config", "set", "limits.oci.config", "100"])).code, 0);
    await fails(8, "limit", `oci:${layout}:amd`, `docker-archive:${temp.join("out.tar")}`);
    assertEquals(await isThere("out.tar"), false);
  },
});

Deno.test("copy: what fails leaves nothing, and what was there stays", async () => {
  await using on = await fixture();
  const { temp, layout, varve, copy, fails } = on;
  const archive = temp.join("kept.tar");
  await copy(`oci:${layout}:arm`, `oci-archive:${archive}:arm`);
  const before = await Deno.readFile(archive);
  const blob = `${layout}/${blobPath(amd.layers[1]?.descriptor.digest as string)}`;
  const bytes = await Deno.readFile(blob);
  const names = async () =>
    (await Array.fromAsync(Deno.readDir(temp.path), ({ name }) => name)).toSorted();
  const there = await names();
  for (
    const [change, code, said] of [
      [() => Deno.writeFile(blob, bytes.with(9, (bytes[9] as number) ^ 1)), 7, "the digest is"],
      [() => Deno.writeFile(blob, bytes.subarray(1)), 7, "bytes"],
      [() => Deno.remove(blob), 7, "does not hold blob"],
    ] as const
  ) {
    await change();
    await fails(code, said, `oci:${layout}:amd`, `oci:${temp.join("new")}`);
    await fails(code, said, `oci:${layout}:amd`, `oci-archive:${archive}`);
    await fails(code, said, `oci:${layout}:amd`, "store:x.org/app:1");
    assertEquals((await varve(["images", "-q"])).stdout, "");
    assertEquals((await names()).filter((name) => name !== "store"), there);
  }
  assertEquals(await Deno.readFile(archive), before);
  await Deno.writeFile(archive, before.subarray(0, 5000));
  await fails(7, "truncated", `oci-archive:${archive}`, `oci:${temp.join("new")}`);
  await fails(2, "it is the same file", `oci-archive:${archive}`, `docker-archive:${archive}`);
  await fails(2, "it holds 4 images", `oci:${layout}`, `oci:${temp.join("new")}`);
  await fails(4, "has no image of that name", `oci:${layout}:none`, `oci:${temp.join("new")}`);
  await fails(4, "no such file", `oci:${temp.join("absent")}`, `oci:${temp.join("new")}`);
  await fails(2, "it is a path", archive, `oci:${temp.join("new")}`);
  await fails(5, "it is a file", `oci:${layout}:arm`, `oci:${archive}`);
  await fails(2, "names no path", `oci:${layout}:arm`, "oci:");
  await fails(2, "malformed", `oci:${layout}:arm`, "oci:x:a//b");
  await fails(2, "not a digest", `oci:${layout}:arm`, `store:a@sha256:${"0".repeat(64)}`);
  await fails(4, "Cannot find image", "store:none:1", `oci:${temp.join("new")}`);
  // A name without store: is in a registry.
  const loaded = await varve(["load", `oci:${layout}:arm`, "--name", "127.0.0.1:1/app:1"]);
  assertEquals(loaded.code, 0, loaded.stderr);
  const named = [`oci:${temp.join("new")}`, "--plain-http"];
  await fails(10, "write store:127.0.0.1:1/app:1", "127.0.0.1:1/app:1", ...named);
  // Onto itself: the tag is given again.
  assertEquals((await copy(`oci:${layout}:arm`, `oci:${layout}:arm`)).counts.uploaded, 0);
  assertEquals((await names()).filter((name) => name !== "store"), there);
});
