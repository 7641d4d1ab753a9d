import { assertEquals } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { namesIn } from "../support/trees/names_in.ts";

const NAME = "example.org/app:1";
const LAYER = [{ name: "dev/" }, { name: "dev/null", type: "char", major: 1, minor: 3 }] as const;

for (const driver of ["overlay", "native"]) {
  Deno.test({
    name: `${driver}: the setting devices holds for each mount, whatever was mounted before`,
    ...needs({ root: true, mount: true }),
    async fn() {
      await using temp = await tempDir("varve-devices-", "/var/tmp");
      const target = temp.join("mnt");
      await Deno.mkdir(target);
      const image = buildImage({ name: NAME, layers: [[...LAYER]] });
      await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles([image])));
      const varve = new Cli(temp.join("store"), { env: { VARVE_DRIVER: driver } });
      await varve.text(["load", temp.join("app.tar")]);
      for (const [policy, names] of [["skip", []], ["keep", ["null"]], ["skip", []]] as const) {
        await varve.text(["config", "set", "devices", policy]);
        await varve.text(["mount", NAME, target]);
        assertEquals(namesIn(`${target}/dev`), [...names], policy);
        await varve.text(["umount", target]);
      }
      await varve.text(["config", "set", "devices", "reject"]);
      assertEquals((await varve.any(["mount", NAME, target])).code, 7);
    },
  });
}
