/**
 * Bad blobs in the content store of the real containerd, read as files and by its service Content: one clear error, no
 * other differ extracts them, and a good blob works afterwards.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { buildImage, type BuiltImage } from "../../support/images/images.ts";
import { boxLayer } from "../../support/images/busybox_image.ts";
import { needs } from "../../support/machine/needs.ts";
import { run } from "../../support/machine/process.ts";
import { type TempDir, tempDir } from "../../support/machine/temp_dir.ts";
import {
  extracted,
  failedCalls,
  importImage,
  RUN,
  SNAPSHOTTER,
} from "../../support/peers/ctr_images.ts";
import { serveContainerdIn, type ServedContainerd } from "../../support/peers/served_containerd.ts";
import { collect, nothingIn } from "../../support/peers/served_remains.ts";

const NEEDS = needs({
  root: true,
  mount: true,
  tools: ["containerd", "ctr", "runc", "busybox", "unshare"],
});

/** What is done to the file of a blob, and the code that Apply then answers. */
const DAMAGES: Readonly<
  Record<string, {
    readonly code: string;
    readonly says: RegExp;
    readonly make: (path: string) => Promise<void>;
  }>
> = {
  cut: {
    code: "DataLoss",
    says: /has \d+ bytes, not \d+|it is shorter than/,
    make: async (path) => await Deno.truncate(path, (await Deno.stat(path)).size - 100),
  },
  flipped: {
    code: "DataLoss",
    says: /the digest is sha256:/,
    make: async (path) => {
      const bytes = await Deno.readFile(path);
      const at = bytes.length - 5;
      bytes[at] = bytes[at]! ^ 1;
      await rewrite(path, bytes);
    },
  },
  "other bytes": {
    code: "DataLoss",
    says: /the digest is sha256:/,
    make: async (path) => await rewrite(path, new Uint8Array((await Deno.stat(path)).size)),
  },
  "a link": {
    code: "DataLoss",
    says: /no regular file|the digest is sha256:/,
    make: async (path) => {
      // To a file of the same size: only the kind of file differs, or the bytes.
      const { size } = await Deno.stat(path);
      await Deno.writeFile(`${path}.other`, new Uint8Array(size).fill(7));
      await Deno.remove(path);
      await Deno.symlink(`${path}.other`, path);
    },
  },
  missing: { code: "NotFound", says: /has lost its file/, make: (path) => Deno.remove(path) },
};

/** containerd's blobs are read-only, and their file may be open. */
async function rewrite(path: string, bytes: Uint8Array): Promise<void> {
  await Deno.remove(path);
  await Deno.writeFile(path, bytes);
}

/** An image whose lowest layer no other image has. */
async function boxNumber(number: number): Promise<BuiltImage> {
  const upper = [{ name: "etc/motd", content: "hello\n" }];
  return buildImage({
    name: `example.org/box:${number}`,
    layers: [await boxLayer([{ name: `number-${number}` }]), upper],
    packing: "gzip",
  });
}

/** Directory of containerd's blobs, as this process sees it. */
type Blobs = (served: ServedContainerd) => string;

/** Damages a blob of one image after the other. */
async function damagedBlobs(served: ServedContainerd, temp: TempDir, blobs: Blobs): Promise<void> {
  await Deno.mkdir(temp.join("mounted"));
  for (const [i, [what, { make }]] of Object.entries(DAMAGES).entries()) {
    const image = await boxNumber(i);
    const { digest } = image.layers[0]!.descriptor;
    await importImage(served, temp, image, ["--no-unpack"]);
    await make(`${blobs(served)}/${digest.replace(":", "/")}`);
    // This unpacks what is not unpacked yet.
    const { code, stderr } = await served.any([
      ...["image", "mount", ...SNAPSHOTTER, image.name!, temp.join("mounted")],
    ]);
    assert(code !== 0, `a blob that is ${what} was taken`);
    assert(stderr.includes(digest), stderr);
    assertEquals(await extracted(served), [], what);
    // The unpacker removed the snapshot of the layer. None is left.
    const left = await served.text(["snapshots", ...SNAPSHOTTER, "ls"]);
    assertEquals(left.trim().split("\n").length, 1, left);
    await removeImage(served, image);
    // containerd's gc removes what the unpacker gave up.
    assertEquals(await served.varve.json(["snapshot", "ls"]), [], what);
    // A good blob works: the same image, imported again.
    await importImage(served, temp, image);
    const look = [...RUN, "--rm", image.name!, "one", "cat", "/etc/motd"];
    assertEquals(await served.text(look), "hello\n", what);
    await removeImage(served, image);
  }
  await nothingIn(served);
}

async function removeImage(served: ServedContainerd, { name }: BuiltImage): Promise<void> {
  await served.text(["image", "rm", "--sync", name!]);
  await collect(served);
}

/** Each damage is one failed Apply, with its code and a message that names the layer and what is wrong. */
async function checkLog(served: ServedContainerd): Promise<void> {
  const { stderr } = await served.end("SIGTERM");
  const failed = failedCalls(stderr).filter(({ method }) => method === "Apply");
  const expected = Object.values(DAMAGES);
  assertEquals(failed.map(({ code }) => code), expected.map(({ code }) => code), stderr);
  for (const [i, { message, digest }] of failed.entries()) {
    assert(message.startsWith("Cannot ") && message.includes(`layer ${digest}`), message);
    assertMatch(message, expected[i]!.says);
  }
}

Deno.test({
  name: "a bad blob of containerd, read as a file, is one clear error, and a good one then works",
  ...NEEDS,
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using served = await serveContainerdIn(temp.path, { args: ["--log", "json"] });
    await damagedBlobs(served, temp, () => `${temp.path}/c-root/${BLOBS}`);
    await checkLog(served);
  },
});

/** Where the blobs are below the root of containerd. */
const BLOBS = "io.containerd.content.v1.content/blobs";

/** Makes mounts in a directory appear in the mount namespaces that are made of this one. Disposing undoes it. */
async function shareMounts(directory: string): Promise<AsyncDisposable> {
  await run(["mount", "--bind", directory, directory]);
  await run(["mount", "--make-shared", directory]);
  return { [Symbol.asyncDispose]: async () => void await run(["umount", "-R", "-l", directory]) };
}

/** Hides the root of a containerd from everybody else. It sees the mounts of others where they are shared. */
function hiding(root: string): string[] {
  const mount = 'mkdir -p "$1" && mount -t tmpfs none "$1" && shift && exec "$@"';
  return ["unshare", "-m", "--propagation", "slave", "sh", "-c", mount, "sh", root];
}

Deno.test({
  name:
    "where varve cannot read containerd's files, blobs come by its service: the same image, verified the same",
  ...NEEDS,
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using _shared = await shareMounts(temp.path);
    await using served = await serveContainerdIn(temp.path, {
      args: ["--log", "json"],
      containerdStarter: hiding(temp.join("c-root")),
    });
    const own = () => `/proc/${served.containerd.pid}/root${temp.path}/c-root/${BLOBS}`;
    const image = await boxNumber(100);
    await importImage(served, temp, image);
    // The files are there, but only for containerd.
    assertEquals((await Deno.stat(`${own()}/${image.imageId.replace(":", "/")}`)).isFile, true);
    assertEquals(await Array.fromAsync(Deno.readDir(temp.join("c-root"))), []);
    assertEquals(await extracted(served), []);
    const rows: { readonly key: string; readonly kind: string }[] = await served.varve.json([
      "snapshot",
      "ls",
    ]);
    assertEquals(rows.map(({ key }) => key.split("/").at(-1)), image.layers.map((l) => l.chainId));
    const look = "cat /etc/motd; ls /";
    const container = [...RUN, "--rm", image.name!, "one", "sh", "-c", look];
    const streamed = await served.text(container);
    assertMatch(streamed, /^hello\n(?:[^]*\n)?number-100\n/);
    await removeImage(served, image);
    await damagedBlobs(served, temp, own);
    await checkLog(served);
  },
});
