import { assertEquals, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, ociFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const NAME = "example.org/sample:1";

Deno.test("-o - means standard output, not a file of that name", async () => {
  await using temp = await tempDir();
  const on = commandOn(temp.join("store"));
  await on(["load", "-"], { stdin: archiveTar(ociFiles([sampleImage()])) });
  for (const verb of ["save", "export"]) {
    const without = await on([verb, NAME]);
    const dash = await on([verb, NAME, "-o", "-"]);
    assertEquals([dash.code, dash.bytes], [0, without.bytes], verb);
    const terminal = await on([verb, NAME, "-o", "-"], { terminals: ["stdout"] });
    assertEquals([terminal.code, terminal.stdout], [2, ""]);
  }
  const both = await on(["save", NAME, "-o", "-", "--oci-dir", temp.join("layout")]);
  assertEquals(both.code, 2);
  assertStringIncludes(both.stderr, "give either -o or --oci-dir");
});
