/** Images as mounts of composed images, through the command. */
import { assert, assertEquals } from "@std/assert";
import { Cli } from "../support/cli.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images.ts";
import { namesIn } from "../support/names_in.ts";
import { needs } from "../support/require.ts";
import { listDirectory } from "../support/same_tree.ts";
import { tempDir } from "../support/temp.ts";

const NAME = "example.org/app:1";
const LAYERS = [
  [{ name: "./", mode: 0o711 }, { name: "bin/" }, { name: "bin/a", content: "a", mode: 0o755 }],
  [{ name: "bin/b", link: "bin/a" }, { name: "etc/conf", content: "x", xattrs: { "user.k": "v" } }],
];

Deno.test({
  name: "erofs: composed on load where that is set, chosen and told by doctor, gone after umount",
  ...needs({ root: true, mount: true, kernel: "6.12" }),
  async fn() {
    await using temp = await tempDir("varve-erofs-", "/var/tmp");
    const varve = new Cli(temp.join("store"));
    const archive = temp.join("app.tar"), target = temp.join("mnt");
    await Deno.mkdir(target);
    await Deno.writeFile(
      archive,
      archiveTar(ociFiles([buildImage({ name: NAME, layers: LAYERS })])),
    );
    await varve.text(["config", "set", "compose.eager", "on"]);
    await varve.text(["load", archive]);
    const [chain = ""] = namesIn(temp.join("store/chains"));
    assertEquals(namesIn(temp.join("store/chains", chain, "erofs")), ["image", "image.json"]);
    const { driver, drivers } = await varve.json(["doctor"]);
    assertEquals([driver, drivers.map(({ name }: { name: string }) => name)], [
      "erofs",
      ["erofs", "overlay", "native"],
    ]);
    assert(/nothing is extracted/.test(drivers[0].why), drivers[0].why);
    await varve.text(["mount", NAME, target]);
    await varve.text(["unpack", NAME, temp.join("unpacked")]);
    assertEquals(listDirectory(target), listDirectory(temp.join("unpacked")));
    await varve.text(["umount", target]);
    assertEquals(namesIn(temp.join("store/mounts")), []);
    // A driver that is told is taken, and shows the same.
    await varve.text(["--driver", "native", "mount", NAME, target]);
    assertEquals(listDirectory(target), listDirectory(temp.join("unpacked")));
    await varve.text(["umount", target]);
  },
});
