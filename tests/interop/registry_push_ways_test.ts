/** Ways of a push beside Debian's docker-registry: compressed, killed, cut, and with referrers. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  buildImage,
  type BuiltImage,
  describe,
  jsonBytes,
  ociFiles,
} from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { prng } from "../support/prng.ts";
import {
  dockerRegistry,
  REGISTRY_TOOLS,
  type RunningRegistry,
} from "../support/registry/docker_registry.ts";
import { cliIn, loadFiles, skopeoIn } from "../support/registry/engines.ts";
import { cutRequests } from "../support/registry/request_cutter.ts";
import { servedStore } from "../support/registry/served_store.ts";

const tools = needs({ tools: REGISTRY_TOOLS });

Deno.test({
  name:
    "push --compression: the same bytes with any workers, in save as well; levels are another thing",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry();
    const cli = cliIn(temp, "store");
    const image = sampleImage({ packing: ["gzip", "none", "none"] });
    await loadFiles(temp, cli, "app:1", ociFiles([image]));
    const push = (to: string, ...more: string[]) =>
      cli.json(["push", "app:1", `${registry.host}/${to}:1`, ...more]);
    for (const format of ["gzip", "zstd"]) {
      const compression = ["--compression", format];
      const { digest } = await push(`one/${format}`, ...compression, "--workers", "1");
      assertEquals((await push(`two/${format}`, ...compression, "--workers", "3")).digest, digest);
      const level = await push(`level/${format}`, ...compression, "--compression-level", "1");
      assertNotEquals(level.digest, digest);
      const to = temp.join(`${format}.tar`);
      const saved = await cli.json(["save", "app:1", "-o", to, ...compression]);
      assertEquals(Object.values(saved.manifests), [digest]);
      for (const place of ["one", "level"]) {
        const name = `${registry.host}/${place}/${format}:1`;
        const got = await skopeoIn(temp).pull(name);
        assertEquals(got.imageId, image.imageId);
        const { images: [pulled] } = await cliIn(temp, `${place}-${format}`).json(["pull", name]);
        assertEquals(pulled.chainId, image.chainId);
        const { layers } = JSON.parse(await cli.text(["manifest", name]));
        assertEquals(
          layers.map(({ mediaType }: { mediaType: string }) => mediaType.split("+")[1]),
          ["gzip", format, format],
        );
        assertEquals(layers[0].digest, image.layers[0]!.descriptor.digest);
      }
    }
    assertEquals((await push("as/is")).digest, image.descriptor.digest);
    const codes = await Promise.all([
      ["--compression", "xz"],
      ["--compression-level", "3"],
      ["--platform", "linux/s390x"],
      ["--compression", "gzip", "--compression-level", "10"],
    ].map(async (more) =>
      (await cli.any(["push", "app:1", `${registry.host}/x:1`, ...more])).code
    ));
    assertEquals(codes, [2, 2, 7, 2]);
  },
});

/** Layers that do not compress, so that their bytes on the wire are known. */
function largeImage(layers: number, size: number): BuiltImage {
  const random = prng(31);
  return buildImage({
    layers: Array.from(
      { length: layers },
      (_, i) => [{ name: `${i}`, content: random.bytes(size) }],
    ),
  });
}

const portOf = ({ host }: RunningRegistry) => Number(host.split(":")[1]);

Deno.test({
  name: "push: a push that is killed and repeated sends no layer that the registry has",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry();
    const cli = cliIn(temp, "store");
    const image = largeImage(6, 2_000_000);
    await loadFiles(temp, cli, "app:1", ociFiles([image]));
    await using wire = cutRequests(portOf(registry), Infinity);
    const push = ["push", "app:1", `${wire.host}/app:1`, "--concurrency", "1", "--plain-http"];
    const child = new Deno.Command(Deno.execPath(), {
      args: cli.command(push).slice(1),
      env: cli.env,
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const stderr = new Response(child.stderr).text();
    // One that ends by itself never gets so far.
    const ended = child.status.then(({ signal }) => signal);
    const how = await Promise.race([wire.reached(7_000_000).then(() => "reached"), ended]);
    if (how !== "reached") throw new Error(`the push ended: ${await stderr}`);
    child.kill("SIGKILL");
    assertEquals(await ended, "SIGKILL");
    await stderr;
    const before = wire.passed();
    const { counts, digest } = await cli.json(push);
    assertEquals(digest, image.descriptor.digest);
    assert(counts.present >= 3, JSON.stringify(counts));
    const again = wire.passed() - before;
    assert(again < counts.uploaded * 2_100_000, `${again} bytes for ${counts.uploaded} blobs`);
    assertEquals((await skopeoIn(temp).pull(`${registry.host}/app:1`)).imageId, image.imageId);
  },
});

Deno.test({
  name: "H29 push: a proxy cuts requests in the middle, and the registry then loses the upload",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry();
    const cli = cliIn(temp, "store");
    const image = largeImage(2, 12_000_000);
    await loadFiles(temp, cli, "app:1", ociFiles([image]));
    await using wire = cutRequests(portOf(registry), 5_000_000);
    const { digest } = await cli.json(["push", "app:1", `${wire.host}/app:1`]);
    assertEquals(digest, image.descriptor.digest);
    assert(wire.cuts() >= 2, `${wire.cuts()} cuts`);
    assertEquals((await skopeoIn(temp).pull(`${registry.host}/app:1`)).imageId, image.imageId);
  },
});

/** The image, which now refers to another one. */
function refersTo(subject: BuiltImage, image: BuiltImage, note: string): BuiltImage {
  const manifest = jsonBytes({
    ...JSON.parse(new TextDecoder().decode(image.manifest)),
    subject: subject.descriptor,
    annotations: { note },
  });
  return { ...image, manifest, descriptor: describe(image.descriptor.mediaType, manifest) };
}

Deno.test({
  name:
    "push: referrers of an image are listed by the referrers tag where the registry has no such API",
  ...tools,
  fn: async () => {
    await using temp = await tempDir();
    await using registry = await dockerRegistry();
    await using server = await servedStore(temp.join("served"));
    const cli = cliIn(temp, "store");
    const subject = sampleImage({ packing: "gzip" });
    const name = (tag: string) => `${registry.host}/team/app:${tag}`;
    await loadFiles(temp, cli, name("subject"), ociFiles([subject]));
    await cli.json(["push", name("subject")]);
    const referrers = async (at: string) => {
      const { referrers } = await cli.json(["inspect", "--referrers", at]);
      return referrers.map((
        one: { digest: string; artifactType: string; annotations: unknown },
      ) => [
        one.digest,
        one.artifactType,
        one.annotations,
      ]);
    };
    assertEquals(await referrers(name("subject")), []);
    const signs = [];
    for (const note of ["a", "b"]) {
      const image = refersTo(subject, buildImage({ layers: [[{ name: note }]] }), note);
      await loadFiles(temp, cli, name(note), ociFiles([image]));
      // The second time changes nothing.
      for (let time = 0; time < 2; time++) await cli.json(["push", name(note)]);
      signs.push([image.descriptor.digest, "application/vnd.oci.image.config.v1+json", { note }]);
      assertEquals(await referrers(name("subject")), signs);
    }
    // A registry with the API lists them by itself.
    const { digest } = subject.descriptor;
    for (const tag of ["subject", "a", "b"]) {
      await cli.json(["copy", name(tag), `${server.host}/team/app:${tag}`]);
    }
    const there = await fetch(`http://${server.host}/v2/team/app/referrers/${digest}`);
    const { manifests } = await there.json();
    assertEquals(
      manifests.map((one: { digest: string }) => one.digest).sort(),
      signs.map(([it]) => it).sort(),
    );
    const tags = await cli.json(["tags", `${server.host}/team/app`]);
    assertEquals(tags.tags, ["a", "b", "subject"]);
  },
});
