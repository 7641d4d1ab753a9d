import { assertEquals, assertStringIncludes } from "@std/assert";
import { needs } from "../machine/needs.ts";
import { run } from "../machine/process.ts";
import { tempDir } from "../machine/temp_dir.ts";
import { paxBytes, tarOf } from "../tar/tar_fixture.ts";
import {
  archiveTar,
  buildImage,
  dockerFiles,
  hybridFiles,
  ociFiles,
  sha256Of,
  writeArchive,
} from "./images.ts";
import { BASE, CAPABILITY, sampleImage } from "./sample_image.ts";

Deno.test("fixtures: a PAX record counts its own length", () => {
  const text = (records: Record<string, string>) => new TextDecoder().decode(paxBytes(records));
  assertEquals(text({ a: "b" }), "6 a=b\n");
  for (let length = 80; length < 120; length++) {
    const record = text({ k: "v".repeat(length) });
    assertEquals(Number.parseInt(record), record.length);
  }
});

Deno.test("fixtures: an image is the same every time, and its digests fit its bytes", () => {
  const image = sampleImage();
  assertEquals(image, sampleImage());
  const [base, middle, top] = image.layers;
  assertEquals(base?.chainId, base?.diffId);
  assertEquals(middle?.chainId, sha256Of(`${base?.chainId} ${middle?.diffId}`));
  assertEquals(image.chainId, top?.chainId);
  const config = JSON.parse(new TextDecoder().decode(image.config));
  assertEquals(config.rootfs.diff_ids, image.layers.map(({ tar }) => sha256Of(tar)));
});

Deno.test("fixtures: Docker's media types", () => {
  const image = buildImage({ layers: [[], []], packing: ["gzip", "none"], docker: true });
  assertEquals(image.layers.map(({ descriptor }) => descriptor.mediaType), [
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar",
  ]);
});

Deno.test("fixtures: GNU tar reads what the builder writes", async () => {
  const listing = await run(["tar", "--xattrs", "--xattrs-include=*", "-tvvf", "-"], {
    stdin: tarOf(BASE),
    env: { TZ: "UTC", LC_ALL: "C" },
  });
  assertEquals(listing.stderr, "");
  const lines = listing.stdout.split("\n").filter((line) => /^[-dlhpcb]/.test(line));
  assertEquals(lines.length, BASE.length);
  const line = (part: string) => lines.find((text) => text.includes(part)) ?? "";
  assertStringIncludes(line("bin/tool"), "-rwsr-xr-x");
  assertStringIncludes(line("bin/same"), "link to bin/tool");
  assertStringIncludes(line("home/user/notes"), "1000/1000");
  assertStringIncludes(line("etc/mtab"), "-> ../proc/self/mounts");
  assertStringIncludes(listing.stdout, `x: ${CAPABILITY.length} security.capability`);
});

Deno.test({
  name: "fixtures: skopeo reads every form of archive",
  ...needs({ tools: ["skopeo"] }),
  fn: async () => {
    await using temp = await tempDir();
    const image = sampleImage();
    await Deno.mkdir(temp.join("layout"));
    await writeArchive(temp.join("layout"), ociFiles([image]));
    await Deno.writeFile(temp.join("oci.tar"), archiveTar(ociFiles([image])));
    await Deno.writeFile(temp.join("docker.tar"), archiveTar(dockerFiles([image])));
    await Deno.writeFile(temp.join("hybrid.tar"), archiveTar(hybridFiles([image])));
    for (
      const source of [
        `oci:${temp.path}/layout`,
        `oci-archive:${temp.path}/oci.tar`,
        `oci-archive:${temp.path}/hybrid.tar`,
        `docker-archive:${temp.path}/docker.tar`,
        `docker-archive:${temp.path}/hybrid.tar`,
      ]
    ) {
      const config = await run(["skopeo", "inspect", "--raw", "--config", source]);
      assertEquals(sha256Of(config.bytes), image.imageId, source);
    }
  },
});
