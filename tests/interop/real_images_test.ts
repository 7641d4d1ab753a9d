/** Real images of other releases, and what stands in on older kernels, held against what umoci unpacks. */
import { assertEquals } from "@std/assert";
import { mountImage } from "../../lib/mount/mod.ts";
import { createPool } from "../../lib/pool/mod.ts";
import { createSnapshotter, type KernelPart, selectDriver } from "../../lib/snapshot/mod.ts";
import { type ImageRecord, openStore, readImage } from "../../lib/store/mod.ts";
import { Cli } from "../support/cli/cli.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import {
  DEBIAN_TOOLS,
  debianImage,
  type DebianVariant,
  debianVariant,
  unpackedListing,
} from "../support/peers/debian.ts";
import { type CompareOptions, differences } from "../support/trees/directory_differences.ts";
import { namesIn } from "../support/trees/names_in.ts";

const KERNEL = { root: true, mount: true, kernel: "6.12" };
const VARIANTS: readonly DebianVariant[] = ["bookworm-minbase", "trixie-buildd"];

/** The letters of `find -type`, in the words of `dump.erofs -S`. */
const TYPES: Readonly<Record<string, string>> = {
  "regular file count": "f",
  "directory count": "d",
  "symlink file count": "l",
  "char dev count": "c",
  "block dev count": "b",
  "FIFO file count": "p",
};

for (const variant of VARIANTS) {
  Deno.test({
    name: `${variant}: mounted and unpacked, every path equals umoci's`,
    ...needs({ ...KERNEL, tools: [...DEBIAN_TOOLS, "fsck.erofs", "dump.erofs", "chroot"] }),
    async fn() {
      const image = await debianVariant(variant);
      const { layout, unpacked } = image;
      await using temp = await tempDir("varve-real-", "/var/tmp");
      const varve = new Cli(temp.join("store"));
      const target = temp.join("mnt");
      await Deno.mkdir(target);
      await varve.text(["load", layout, "--name", "real"]);
      await varve.text(["unpack", "real", temp.join("unpacked")]);
      assertEquals(differences(temp.join("unpacked"), unpackedListing(image)), []);

      await varve.text(["mount", "real", target]);
      assertEquals(differences(target, unpackedListing(image)), []);
      const [chain = ""] = namesIn(temp.join("store/chains"));
      const composed = temp.join("store/chains", chain, "erofs");
      const layers: { diffId: string; cacheId: number }[] = await varve.json(["layers", "real"]);
      const about: { devices: string[] } = JSON.parse(
        await Deno.readTextFile(`${composed}/image.json`),
      );
      const devices = about.devices.map((device) => {
        const cacheId = layers.find(({ diffId }) => diffId === device)?.cacheId;
        return `--device=${temp.join("store/layers", String(cacheId), "layer.tar")}`;
      });
      await run(["fsck.erofs", ...devices, `${composed}/image`]);
      const { stdout } = await run(["dump.erofs", "-S", `${composed}/image`]);
      const letters = (await run(["find", unpacked, "-printf", "%y\n"])).stdout.split("\n");
      for (const [what, letter] of Object.entries(TYPES)) {
        const told = Number(new RegExp(`${what}:\\s*(\\d+)`).exec(stdout)?.[1]);
        assertEquals(told, letters.filter((one) => one === letter).length, what);
      }
      await varve.text(["umount", target]);

      await varve.text(["mount", "real", target, "--rw", "key"]);
      const hello = await run(["chroot", target, "/usr/bin/perl", "-e", "print 6 * 7"]);
      assertEquals(hello.stdout, "42");
      await varve.text(["umount", target]);
    },
  });
}

/** What a kernel lacks, the driver that stands in, and what its trees differ in by policy (tests/golden/differences.md). */
const KERNELS: readonly (readonly [without: KernelPart[], driver: string, CompareOptions])[] = [
  [["fsopen"], "erofs", {}],
  [["files"], "erofs", {}],
  [["files", "fsopen"], "erofs", {}],
  [["erofs"], "overlay", { links: false }],
  [["erofs", "overlay"], "native", {}],
];

Deno.test({
  name: "Debian: whatever a kernel lacks, every path equals umoci's",
  ...needs({ ...KERNEL, tools: DEBIAN_TOOLS }),
  async fn() {
    const debian = await debianImage();
    await using temp = await tempDir("varve-real-", "/var/tmp");
    const root = temp.join("store"), target = temp.join("mnt");
    await Deno.mkdir(target);
    await new Cli(root).text(["load", debian.layout, "--name", "real"]);
    await using store = await openStore({ root, durability: "none" });
    await using pool = createPool();
    const image = await readImage(store, store.images.list()[0] as ImageRecord);
    for (const [without, name, options] of KERNELS) {
      const driver = selectDriver(store, { pool, without });
      assertEquals(driver.name, name);
      const snapshotter = createSnapshotter(store, { driver });
      await using _mounted = await mountImage(store, image, target, { snapshotter });
      assertEquals(differences(target, unpackedListing(debian), options), [], without.join());
    }
  },
});
