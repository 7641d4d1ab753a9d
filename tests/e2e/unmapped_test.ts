import { assertEquals, assertStringIncludes } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { runAny } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

Deno.test({
  name: "unpack: an owner that the user namespace does not have is reported",
  ...needs({ root: true, mount: true, tools: ["unshare"] }),
  async fn() {
    await using temp = await tempDir();
    const image = buildImage({ name: "example.org/app:1", layers: [[{ name: "f", uid: 1000 }]] });
    await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles([image])));
    const varve = new Cli(temp.join("store"));
    await varve.text(["load", temp.join("app.tar")]);
    const unpack = varve.command(["--root", temp.join("store"), "unpack", "example.org/app:1"]);
    const { code, stderr } = await runAny(["unshare", "-r", ...unpack, temp.join("u")]);
    assertEquals(code, 12);
    assertStringIncludes(stderr, "Cannot extract f: ");
    assertStringIncludes(stderr, "does not have 1000:0");
  },
});
