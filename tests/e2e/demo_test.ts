import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { archiveTar, hybridFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { runAny } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const DEMO = new URL("../demo/main.ts", import.meta.url).pathname;

Deno.test("the demo takes an archive from loading to equal digests", async () => {
  await using temp = await tempDir();
  const image = sampleImage();
  await Deno.writeFile(temp.join("app.tar"), archiveTar(hybridFiles([image])));
  const { code, stdout, stderr } = await runAny(
    [Deno.execPath(), "run", "-A", DEMO, temp.join("app.tar")],
    { env: { NO_COLOR: "1", TMPDIR: temp.path } },
  );
  assertEquals(code, 0, stdout + stderr);
  assertStringIncludes(stdout, "A /etc/passwd/nested");
  assertStringIncludes(stdout, "D /odd");
  assertMatch(stdout, /of both stores: equal$/m);
  for (const { diffId } of image.layers) assertStringIncludes(stdout, diffId.slice(7, 19));
  const left = await Array.fromAsync(Deno.readDir(temp.path), ({ name }) => name);
  assertEquals(left, ["app.tar"]);
});
