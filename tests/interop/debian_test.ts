/** The main job on a real Debian image, held against what umoci makes of it. */
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { DEBIAN_TOOLS, debianImage, unpackedListing } from "../support/peers/debian.ts";
import { differences } from "../support/trees/directory_differences.ts";

const NEEDS = needs({ root: true, mount: true, tools: [...DEBIAN_TOOLS, "umount"] });

/** On overlay, hard links that a higher layer cut show the count of before (tests/golden/differences.md). */
const OVERLAY = { links: false };

interface Loaded {
  readonly images: readonly {
    readonly chainId: string;
    readonly imageId: string;
    readonly layers: readonly { readonly chainId: string; readonly diffId: string }[];
  }[];
}

Deno.test({
  name: "Debian: every form of the archive gives the same chainIDs",
  ...NEEDS,
  fn: async () => {
    const image = await debianImage();
    const seen = new Set<string>();
    for (const source of [image.docker, image.oci, image.layout]) {
      await using temp = await tempDir();
      const { images }: Loaded = await new Cli(temp.join("store")).json([
        "load",
        source,
        "--name",
        "debian:varve",
      ]);
      const [loaded] = images;
      assert(loaded !== undefined && images.length === 1);
      assertGreaterOrEqual(loaded.layers.length, 2);
      seen.add(JSON.stringify([
        loaded.imageId,
        loaded.chainId,
        loaded.layers.map(({ chainId, diffId }) => [chainId, diffId]),
      ]));
    }
    assertEquals(seen.size, 1);
  },
});

Deno.test({
  name: "Debian: unpacked and mounted, every path equals umoci's",
  ...NEEDS,
  fn: async () => {
    const image = await debianImage();
    await using temp = await tempDir();
    const varve = new Cli(temp.join("store"));
    await varve.json(["load", image.docker]);
    const entries = (await varve.json(["layers", "debian:varve"]))
      .reduce((sum: number, layer: { entries: number }) => sum + layer.entries, 0);
    assertGreaterOrEqual(entries, 30_000);

    await varve.text(["unpack", "debian:varve", temp.join("root")]);
    assertEquals(differences(temp.join("root"), unpackedListing(image)), []);

    for (const driver of ["overlay", "native"]) {
      const other = new Cli(temp.join("store"), { env: { VARVE_DRIVER: driver } });
      await Deno.mkdir(temp.join(driver));
      await other.text(["mount", "debian:varve", temp.join(driver)]);
      const options = driver === "overlay" ? OVERLAY : {};
      assertEquals(differences(temp.join(driver), unpackedListing(image), options), []);
      await other.text(["umount", temp.join(driver)]);
    }
  },
});

Deno.test({
  name: "Debian: a read-write mount keeps its changes to itself",
  ...NEEDS,
  fn: async () => {
    const image = await debianImage();
    await using temp = await tempDir();
    const varve = new Cli(temp.join("store"));
    await varve.json(["load", image.oci]);
    for (const name of ["one", "two", "below"]) await Deno.mkdir(temp.join(name));
    const [one, two, below] = [temp.join("one"), temp.join("two"), temp.join("below")];
    await varve.text(["mount", "debian:varve", below]);
    await varve.text(["mount", "debian:varve", one, "--rw", "first"]);
    await varve.text(["mount", "debian:varve", two, "--rw", "second"]);

    const hostname = await Deno.readTextFile(`${below}/etc/hostname`);
    await Deno.writeTextFile(`${one}/etc/hostname`, "changed\n");
    await Deno.writeTextFile(`${one}/new`, "new\n");
    await Deno.remove(`${one}/etc/passwd`);
    await Deno.remove(`${one}/usr/share/perl5`, { recursive: true });

    for (const other of [two, below]) {
      assertEquals(await Deno.readTextFile(`${other}/etc/hostname`), hostname);
      assertEquals(await exists(`${other}/new`), false);
      assertEquals(await exists(`${other}/etc/passwd`), true);
    }
    const readOnly = await varve.any(["mount", "debian:varve", below]);
    assertEquals(readOnly.code, 6, "nothing is mounted over a mount");

    for (const mount of [one, two, below]) await varve.text(["umount", mount]);
    await varve.text(["mount", "debian:varve", two, "--rw", "first"]);
    assertEquals(await Deno.readTextFile(`${two}/etc/hostname`), "changed\n");
    assertEquals(await Deno.readTextFile(`${two}/new`), "new\n");
    assertEquals(await exists(`${two}/etc/passwd`), false);
    assertEquals(await exists(`${two}/usr/share/perl5`), false);
    const busy = await varve.any(["mount", "debian:varve", one, "--rw", "first"]);
    assertEquals(busy.code, 6, "one upper directory is not mounted twice");
    await varve.text(["umount", two]);

    // Nothing of it went into the layers.
    await varve.text(["unpack", "debian:varve", temp.join("root")]);
    assertEquals(differences(temp.join("root"), unpackedListing(image)), []);
  },
});

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
