/** Images as mounts of composed images, through the command. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromText } from "../../lib/bytes/mod.ts";
import { type Mount, overlayMount } from "../../lib/linux/mod.ts";
import { Cli } from "../support/cli/cli.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { mountAt, TMPFS } from "../support/snapshots/snapshot_fixture.ts";
import { listDirectory } from "../support/trees/directory_differences.ts";
import { namesIn } from "../support/trees/names_in.ts";

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

Deno.test({
  name: "erofs: an image that EROFS cannot hold is loaded, and a warning says why",
  ...needs({ root: true, mount: true, kernel: "6.12" }),
  async fn() {
    await using temp = await tempDir("varve-erofs-", "/var/tmp");
    const varve = new Cli(temp.join("store"));
    const archive = temp.join("app.tar");
    // One byte more than an xattr has in EROFS.
    const layers = [[{ name: "a", xattrs: { "user.large": "v".repeat(65_536) } }]];
    await Deno.writeFile(archive, archiveTar(ociFiles([buildImage({ name: NAME, layers })])));
    await varve.text(["config", "set", "compose.eager", "on"]);
    const { code, stderr } = await varve.any(["load", archive]);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "its layers are extracted at the first mount");
  },
});

/** File systems on which an image cannot be mounted as a file; `at` is a directory for what they need. */
const FALLBACKS: readonly {
  readonly title: string;
  readonly mount: (at: string) => Mount;
  readonly driver: string;
  readonly told: string;
  readonly why: string;
}[] = [{
  title: "tmpfs",
  mount: () => TMPFS,
  driver: "erofs",
  told: "varve: warning: images are mounted through loop devices here",
  why:
    "an image was mounted through a loop device, because the kernel cannot mount an image file that is on tmpfs",
}, {
  title: "an overlay",
  mount: (at) => {
    const made = (name: string) => {
      Deno.mkdirSync(`${at}/${name}`);
      return fromText(`${at}/${name}`);
    };
    return overlayMount({
      lowers: [made("lower")],
      upper: { directory: made("upper"), work: made("work") },
    });
  },
  driver: "native",
  told:
    "varve: warning: driver native is used, because erofs does not work here: the store lies on an overlay",
  why: "the store lies on an overlay",
}];

for (const { title, mount, driver, told, why } of FALLBACKS) {
  Deno.test({
    name:
      `erofs: on ${title} another way gives the same tree, and the command and doctor say which`,
    ...needs({ root: true, mount: true, kernel: "6.12" }),
    async fn() {
      await using temp = await tempDir("varve-erofs-", "/var/tmp");
      await using mounted = await mountAt([mount(temp.path)], temp.join("fs"));
      const varve = new Cli(`${mounted.path}/store`);
      const archive = temp.join("app.tar"), target = temp.join("mnt");
      await Deno.mkdir(target);
      await Deno.writeFile(
        archive,
        archiveTar(ociFiles([buildImage({ name: NAME, layers: LAYERS })])),
      );
      await varve.text(["load", archive]);
      const found = await varve.json(["doctor"]);
      assertEquals(found.driver, driver);
      assertStringIncludes(found.drivers[0].why, why);
      const { code, stderr } = await varve.any(["mount", NAME, target]);
      assertEquals(code, 0, stderr);
      assertStringIncludes(stderr, told);
      await varve.text(["unpack", NAME, temp.join("unpacked")]);
      assertEquals(listDirectory(target), listDirectory(temp.join("unpacked")));
      await varve.text(["umount", target]);
    },
  });
}
