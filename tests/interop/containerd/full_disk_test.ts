/** The store's disk is full while the real containerd unpacks: code 8, the daemon goes on, and with room the import works. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { buildImage } from "../../support/images/images.ts";
import { boxLayer } from "../../support/images/busybox_image.ts";
import { type DiskKind, loopDisk } from "../../support/machine/loop_disk.ts";
import { needs } from "../../support/machine/needs.ts";
import { run } from "../../support/machine/process.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import {
  extracted,
  failedCalls,
  importImage,
  RUN,
  SNAPSHOTTER,
} from "../../support/peers/ctr_images.ts";
import { serveContainerdIn } from "../../support/peers/served_containerd.ts";
import { collect, nothingIn } from "../../support/peers/served_remains.ts";
import { prng } from "../../support/prng.ts";

const KIND: DiskKind = "ext4 with blocks of 4 KiB";
const NAME = "example.org/large:1";

/** Bytes that the disk has left in the first try: enough for the first layer and for rows, but not for both layers. */
const LEFT = 4 * 1024 * 1024;

Deno.test({
  name:
    "a disk that is full while containerd unpacks is code 8, and after that the same import works",
  ...needs({
    root: true,
    mount: true,
    tools: ["containerd", "ctr", "runc", "busybox", "mkfs.ext4", "fallocate"],
  }),
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using disk = await loopDisk(KIND);
    const root = `${disk.path}/store`;
    await using served = await serveContainerdIn(temp.path, { root, args: ["--log", "json"] });
    const large = prng(1).bytes(8 * 1024 * 1024);
    const image = buildImage({
      name: NAME,
      layers: [await boxLayer(), [{ name: "large", content: large }]],
      packing: "gzip",
    });
    await importImage(served, temp, image, ["--no-unpack"]);
    const again = ["image", "import", "--snapshotter", "varve", temp.join("image.tar")];

    const ballast = `${disk.path}/ballast`;
    for (const left of [LEFT, 0]) {
      const { stdout } = await run(["df", "-B1", "--output=avail", disk.path]);
      const free = Number(stdout.trim().split("\n").at(-1));
      await run(["fallocate", "-l", `${free - left}`, ballast]);
      if (left === 0) await disk.fill();
      const { code, stderr } = await served.any(again);
      assert(code !== 0, "a layer was stored on a full disk");
      assertStringIncludes(stderr, "space");
      assertEquals(await extracted(served), []);
      await Deno.remove(ballast);
      await disk.makeRoom();
      // containerd may be removing the layer below just when the next try finds it.
      await collect(served);
    }

    await served.text(again);
    const look = [...RUN, "--rm", NAME, "one", "sh", "-c", "wc -c </large"];
    assertEquals(await served.text(look), `${large.length}\n`);

    // A Diff of what a container wrote needs room, too.
    await served.text([...RUN, NAME, "two", "sh", "-c", "head -c 4194304 /large > /copy"]);
    const diff = ["snapshots", ...SNAPSHOTTER, "diff", "two"];
    await disk.fill();
    assert((await served.any(diff)).code !== 0, "a diff was stored on a full disk");
    await disk.makeRoom();
    assert((await served.text(diff)).length > 0);
    await served.text(["containers", "rm", "two"]);
    await served.text(["image", "rm", "--sync", NAME]);
    await collect(served);
    await nothingIn(served);
    const { code, stderr } = await served.end("SIGTERM");
    assertEquals(code, 0);
    const failed = failedCalls(stderr).filter(({ code }) => code !== "NotFound");
    assert(failed.length >= 2, stderr);
    // The second layer is taken in before containerd asks for it: it may fill the disk before its snapshot is made.
    for (const methods of [["Prepare", "Apply"], ["Diff"]]) {
      assert(failed.some(({ method }) => methods.includes(method)), stderr);
    }
    assertEquals([...new Set(failed.map(({ code }) => code))], ["ResourceExhausted"], stderr);
  },
});
