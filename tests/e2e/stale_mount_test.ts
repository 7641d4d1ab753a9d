/** What a user sees of a damaged layer: errors, a load that repairs it, and mounts that still show the old bytes. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { flipByte } from "../support/images/flip_byte.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { DRIVER_NAMES } from "../support/snapshots/snapshot_fixture.ts";

const NAME = "example.org/app:1";
const CONTENT = "content ".repeat(1000);

for (const driver of DRIVER_NAMES) {
  Deno.test({
    name: `${driver}: a load or fsck that repairs a layer names the mounts that show the old bytes`,
    ...needs({ root: true, mount: true, kernel: "6.12" }),
    async fn() {
      await using temp = await tempDir("varve-stale-", "/var/tmp");
      const varve = new Cli(temp.join("store"), { env: { VARVE_DRIVER: driver } });
      const archive = temp.join("app.tar"), old = temp.join("old"), fresh = temp.join("fresh");
      await Deno.mkdir(old);
      await Deno.mkdir(fresh);
      const image = buildImage({ name: NAME, layers: [[{ name: "file", content: CONTENT }]] });
      await Deno.writeFile(archive, archiveTar(ociFiles([image])));
      await varve.text(["load", archive]);
      await varve.text(["mount", NAME, old]);
      await flipByte(temp.join("store/layers/1/layer.tar"), 2000);
      const unpack = await varve.any(["unpack", NAME, temp.join("unpacked")]);
      assertEquals(unpack.code, 7);
      assertStringIncludes(unpack.stderr, "Cannot extract file: its bytes in layer sha256:");
      const load = await varve.any(["load", archive]);
      assertEquals(load.code, 0);
      const warning = `the mount at ${old} shows the old bytes: umount and mount again`;
      assertStringIncludes(load.stderr, warning);
      await varve.text(["mount", NAME, fresh]);
      assertEquals(await Deno.readTextFile(`${fresh}/file`) === CONTENT, true);
      assertEquals((await varve.any(["fsck", "--deep"])).code, 0);
      await flipByte(temp.join("store/layers/1/layer.tar"), 2000);
      const repair = await varve.any(["fsck", "--deep", "--repair", "--from", archive]);
      assertEquals(repair.code, 0);
      assertStringIncludes(repair.stderr, warning.replace(old, fresh));
      await varve.text(["umount", "--all"]);
      // Nothing is repaired, and nothing is mounted.
      const again = await varve.any(["load", archive]);
      assertEquals([again.code, again.stderr.includes("old bytes")], [0, false]);
    },
  });
}
