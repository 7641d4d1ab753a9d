/** A Diff of varve is the layer of `varve commit`, and containerd's own differ makes the same files of it. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { sha256 } from "../../../lib/digest/mod.ts";
import { archiveTar, buildImage, ociFiles } from "../../support/images/images.ts";
import { needs } from "../../support/machine/needs.ts";
import { run, runAny } from "../../support/machine/process.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { importImage, SNAPSHOTTER } from "../../support/peers/ctr_images.ts";
import { serveContainerdIn } from "../../support/peers/served_containerd.ts";
import type { TarFixture } from "../../support/tar/tar_fixture.ts";
import { differences, listDirectory } from "../../support/trees/directory_differences.ts";

const NAME = "example.org/files:1";
const TAR = "application/vnd.oci.image.layer.v1.tar";

/** Files that the change below modifies, removes and replaces, in two layers. */
function base(): TarFixture[][] {
  const directory = (name: string): TarFixture => ({ name, mode: 0o755 });
  const file = (i: number): TarFixture => ({ name: `base/f${i}`, content: `base ${i}\n` });
  const numbers = [...Array(300).keys()];
  return [
    [
      directory("./"),
      directory("base/"),
      ...numbers.filter((i) => i % 2 === 0).map(file),
      directory("gone/"),
      { name: "gone/below", content: "below" },
      directory("kept/"),
      { name: "kept/one", content: "one" },
      { name: "kept/two", type: "hardlink", target: "kept/one" },
    ],
    [directory("base/"), ...numbers.filter((i) => i % 2 === 1).map(file)],
  ];
}

/** Changes 300 files and some directories, in every way that a layer can say. What changes gets the same time. */
const CHANGE = `set -e; cd "$1"
for i in $(seq 0 299); do
  mkdir -p new/d$((i % 10))
  case $((i % 6)) in
    0) echo "new $i" > new/d$((i % 10))/f$i; chmod 6755 new/d$((i % 10))/f$i ;;
    1) echo "more $i" >> base/f$i ;;
    2) rm base/f$i ;;
    3) chmod 600 base/f$i; chown 1000:1001 base/f$i ;;
    4) rm base/f$i; ln -s "target $i" base/f$i ;;
    5) rm base/f$i; mkdir base/f$i; echo in > base/f$i/in; ln base/f$i/in base/f$i/other ;;
  esac
done
rm -r gone; mkdir -m 1777 gone; echo again > gone/again
ln kept/one kept/three; mkfifo new/fifo; mknod new/null c 1 3
echo x > "new/$(printf 'name with \\n and \\303\\244')"; truncate -s 100000 new/hole
mv new/d9 new/moved
find . -depth -newermt '1 day ago' -exec touch -h -d @1700000000.123456789 {} +`;

Deno.test({
  name:
    "a Diff of 300 files is the layer of varve commit byte for byte, and walking makes the same files of it",
  ...needs({ root: true, mount: true, tools: ["containerd", "ctr", "mknod", "mkfifo"] }),
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using served = await serveContainerdIn(temp.path);
    const { varve } = served;
    const image = buildImage({ name: NAME, layers: base(), packing: "gzip" });
    await importImage(served, temp, image);
    const mount = temp.join("mount");
    await Deno.mkdir(mount);

    // As containerd's snapshot.
    await served.text(["snapshots", ...SNAPSHOTTER, "prepare", "work", image.chainId]);
    const commands = await served.text(["snapshots", ...SNAPSHOTTER, "mounts", mount, "work"]);
    await run(["sh", "-c", commands]);
    const changed = await (async () => {
      try {
        await run(["sh", "-c", CHANGE, "sh", mount]);
        return listDirectory(mount);
      } finally {
        await run(["umount", mount]);
      }
    })();
    assert(changed.size > 400, `${changed.size} files`);
    const layer = temp.join("layer.tar");
    const diff = ["snapshots", ...SNAPSHOTTER, "diff", "--media-type", TAR, "--keep", "work"];
    await run(["sh", "-c", `"$@" > ${layer}`, "sh", ...served.ctr, ...diff]);
    const bytes = await Deno.readFile(layer);

    // The layers of the image came without a label that says their diffIDs. A Diff of one makes the same blob.
    const plain = buildImage({
      name: "example.org/plain:1",
      layers: [base()[0]!],
      packing: "none",
    });
    await importImage(served, temp, plain, ["--no-unpack"]);
    const lowest = plain.layers[0]!.diffId;
    const labels = async () => {
      const lines = (await served.text(["content", "ls"])).split("\n");
      return lines.find((line) => line.startsWith(lowest)) ?? "";
    };
    assert(!(await labels()).includes("uncompressed"));
    const again = [...diff.slice(0, -1), lowest];
    await run(["sh", "-c", `"$@" > ${temp.join("same.tar")}`, "sh", ...served.ctr, ...again]);
    assertEquals(sha256(await Deno.readFile(temp.join("same.tar"))), lowest);
    assertStringIncludes(await labels(), `containerd.io/uncompressed=${lowest}`);

    // As a container of varve's own.
    await Deno.writeFile(temp.join("image.tar"), archiveTar(ociFiles([image])));
    await varve.text(["load", temp.join("image.tar")]);
    await varve.text(["mount", NAME, mount, "--rw", "work"]);
    await run(["sh", "-c", CHANGE, "sh", mount]);
    await varve.text(["umount", mount]);
    await varve.text(["commit", "work", "example.org/committed:1"]);
    const layers = await varve.json(["layers", "example.org/committed:1"]);
    assertEquals(layers.at(-1).diffId, sha256(bytes));

    // Extracted by containerd's own differ, on containerd's own snapshotter.
    const tars = [...image.layers.map(({ tar }) => tar), bytes];
    const packing = ["gzip", "gzip", "none"] as const;
    const more = buildImage({ name: "example.org/files:2", layers: tars, packing });
    await Deno.writeFile(temp.join("more.tar"), archiveTar(ociFiles([more])));
    for (const snapshotter of ["overlayfs", "varve"]) {
      const options = ["--snapshotter", snapshotter];
      await served.text(["image", "import", ...options, temp.join("more.tar")]);
      await served.text(["image", "mount", ...options, more.name!, mount]);
      try {
        // containerd's differ leaves the time of the root as it is.
        const found = differences(mount, changed, { links: false })
          .filter((line) => snapshotter === "varve" || !line.startsWith(": "));
        assertEquals(found, [], snapshotter);
      } finally {
        await runAny([...served.ctr, "image", "unmount", mount]);
      }
    }
    assertStringIncludes(
      await served.text(["snapshots", "--snapshotter", "overlayfs", "ls"]),
      more.chainId,
    );
  },
});
