/** Sources of a load with the transports of skopeo: `oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE`. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, buildImage, hybridFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const SAMPLE = "example.org/sample:1";
const OTHER = "docker.io/library/other:2";

Deno.test("load takes skopeo's names of archives, and one image of them by its name", async () => {
  await using temp = await tempDir("varve-names-");
  const both = temp.join("both.tar");
  const other = buildImage({ name: OTHER, layers: [[{ name: "b", content: "b" }]] });
  await Deno.writeFile(both, archiveTar(hybridFiles([sampleImage(), other])));
  const layout = temp.join("layout");
  const first = commandOn(temp.join("first"));
  assertEquals((await first(["load", both])).code, 0);
  assertEquals((await first(["save", SAMPLE, OTHER, "--oci-dir", layout])).code, 0);
  const cases: [source: string, names: string[]][] = [
    [`oci:${layout}`, [OTHER, SAMPLE]],
    [`oci-archive:${both}`, [OTHER, SAMPLE]],
    [`docker-archive:${both}`, [OTHER, SAMPLE]],
    [`oci:${layout}:${SAMPLE}`, [SAMPLE]],
    [`oci-archive:${both}:other:2`, [OTHER]],
    [`docker-archive:${both}:${OTHER}`, [OTHER]],
  ];
  for (const [i, [source, names]] of cases.entries()) {
    const on = commandOn(temp.join(`store${i}`));
    const { code, stdout, stderr } = await on(["load", source, "--format", "json"]);
    assertEquals(code, 0, `${source}: ${stderr}`);
    const loaded = JSON.parse(stdout).images.map(({ name }: { name: string }) => name);
    assertEquals(loaded.sort(), names, source);
  }
});

Deno.test("the transport of a load says how an archive of both forms is read", async () => {
  await using temp = await tempDir("varve-names-");
  const files = new Map(hybridFiles([sampleImage()]));
  files.delete("index.json");
  await Deno.writeFile(temp.join("docker.tar"), archiveTar(files));
  const on = commandOn(temp.join("store"));
  const archive = temp.join("docker.tar");
  assertEquals(
    (await on(["load", `docker-archive:${archive}`])).stderr.includes("index.json"),
    false,
  );
  const refused = await on(["load", `oci-archive:${archive}`]);
  assertEquals(refused.code, 7);
  assertStringIncludes(refused.stderr, `Cannot load ${archive}: it does not hold an OCI layout`);
});

Deno.test("a tag of a layout selects an image, which --name then names", async () => {
  await using temp = await tempDir("varve-names-");
  const on = commandOn(temp.join("store"));
  const image = sampleImage({ name: "1.0" });
  await Deno.writeFile(temp.join("a.tar"), archiveTar(hybridFiles([image])));
  const args = ["load", `oci-archive:${temp.join("a.tar")}:1.0`, "--name", "app:1"];
  const { code, stderr } = await on(args);
  assertEquals([code, (await on(["ls", "app:1"])).code], [0, 0], stderr);
});
