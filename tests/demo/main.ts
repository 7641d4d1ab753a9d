/**
 * `deno task demo [ARCHIVE]`: varve's main work from beginning to end, in less than half a minute.
 *
 * It needs only Deno. ARCHIVE is a docker-archive or an OCI layout. Without it, the demo builds an image from files of
 * this machine.
 *
 * 1. Load the image, which verifies every byte, and show its layers.
 * 2. Load the image without its topmost layer, and show what that layer changes.
 * 3. Mount the image and run a container on it, commit the change; or unpack it, where mounting is not allowed.
 * 4. Save the image, load it into a second store, and compare all digests.
 */
// deno-lint-ignore-file no-console
import { formatBytes, fromText } from "../../lib/bytes/mod.ts";
import { CWD, isSupported, Open, openAt, ownFd, setXattrFd } from "../../lib/linux/mod.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { BELOW_NAME, type Inspected, writeBelow } from "./below.ts";
import { machineArchive } from "./machine_image.ts";
import { ask, show, varve } from "./varve.ts";

interface Loaded {
  readonly images: readonly {
    readonly name?: string;
    readonly imageId: string;
    readonly manifest: string;
    readonly chainId: string;
    readonly layers: readonly {
      readonly digest: string;
      readonly diffId: string;
      readonly chainId: string;
      readonly uncompressedSize: number;
    }[];
  }[];
}

async function main(): Promise<void> {
  const began = performance.now();
  await using temp = await tempDir("varve-demo-");
  const [first, second] = [temp.join("store"), temp.join("second-store")];
  const archive = Deno.args[0] ?? await buildArchive(temp.path);

  // A load verifies every byte against its digest before the image becomes visible.
  const start = performance.now();
  const loaded = await ask<Loaded>(first, ["load", archive]);
  const seconds = (performance.now() - start) / 1000;
  const [image] = loaded.images;
  if (image === undefined) throw new Error(`Cannot go on: ${archive} holds no image`);
  const bytes = image.layers.reduce((sum, layer) => sum + layer.uncompressedSize, 0);
  const speed = formatBytes(Math.round(bytes / seconds));
  console.log(
    `${formatBytes(bytes)} in ${image.layers.length} layers verified in ` +
      `${seconds.toFixed(2)} s: ${speed}/s, including the start of Deno`,
  );
  const name = image.name ?? image.imageId;
  await show(first, ["layers", name]);

  if (image.layers.length > 1) {
    console.log(
      "\nLoad the same image without its topmost layer. All of its layers are in the store already.",
    );
    const inspected = await ask<Inspected>(first, ["inspect", name], false);
    await writeBelow(inspected, first, temp.join("below"));
    await show(first, ["load", temp.join("below")]);
    console.log("\nThe topmost layer makes these changes:");
    await show(first, ["diff", BELOW_NAME, name], 20);
  }

  await look(first, name, temp.join("root"));

  await show(first, ["save", name, "-o", temp.join("saved.tar")]);
  const again = await ask<Loaded>(second, ["load", temp.join("saved.tar")]);
  const equal = digestsOf(again) === digestsOf({ images: [image] });
  console.log(
    `\nImage ID, manifest, blobs, diffIDs and chainIDs of both stores: ${
      equal ? "equal" : "DIFFERENT"
    }`,
  );
  console.log(`Done in ${((performance.now() - began) / 1000).toFixed(1)} s.`);
  if (!equal) Deno.exitCode = 1;
}

async function buildArchive(directory: string): Promise<string> {
  console.log("Building an image from files of this machine …");
  const bytes = await machineArchive(await hasXattrs(directory));
  const path = `${directory}/machine.tar`;
  await Deno.writeFile(path, bytes);
  console.log(`${path}: ${formatBytes(bytes.length)}`);
  return path;
}

/** Mounts the image and lists its root. Unpacks it where this machine or user cannot mount. */
async function look(root: string, name: string, directory: string): Promise<void> {
  await Deno.mkdir(directory);
  const mounted = await varve(root, ["mount", name, directory]);
  if (mounted.code === 0) {
    await list(directory);
    await show(root, ["umount", directory]);
    await change(root, name, directory);
    return;
  }
  console.log("This machine or user cannot mount. The image is unpacked instead.");
  await show(root, ["unpack", name, `${directory}/files`]);
  await list(`${directory}/files`);
}

/**
 * Changes a read-write layer and commits it as a new image. A container makes the change, or the demo itself where
 * none can run.
 */
async function change(root: string, name: string, directory: string): Promise<void> {
  const script = "echo changed > /demo-change; echo 'Hello from inside the image.'";
  const ran = await varve(root, ["run", "--name", "demo", name, "--", "/bin/sh", "-c", script]);
  if (ran.code === 0) {
    console.log(ran.stdout.trimEnd());
  } else {
    console.log(
      "No container can run here, or the image has no shell. The demo makes the change itself.",
    );
    await show(root, ["mount", name, directory, "--rw", "demo"]);
    await Deno.writeTextFile(`${directory}/demo-change`, "changed\n");
    await show(root, ["umount", directory]);
  }
  await show(root, ["diff", "demo"]);
  await show(root, ["commit", "demo", "demo.local/changed:1", "--message", "a demonstration"]);
  await show(root, ["layers", "demo.local/changed:1"]);
  await show(root, ["snapshot", "rm", "demo"]);
}

async function list(directory: string): Promise<void> {
  const names = await Array.fromAsync(
    Deno.readDir(directory),
    (entry) => entry.isDirectory ? `${entry.name}/` : entry.name,
  );
  console.log(`${directory}: ${names.toSorted().join(" ")}`);
}

/** The digests that must be equal in both stores, as text. */
function digestsOf({ images }: Loaded): string {
  return JSON.stringify(images.map(({ imageId, manifest, chainId, layers }) => ({
    imageId,
    manifest,
    chainId,
    layers: layers.map((layer) => [layer.digest, layer.diffId, layer.chainId]),
  })));
}

/** Whether the file system of a directory supports user.* attributes. */
async function hasXattrs(directory: string): Promise<boolean> {
  const probe = `${directory}/probe`;
  await Deno.writeTextFile(probe, "");
  try {
    if (!isSupported()) return false;
    using file = ownFd(openAt(CWD, fromText(probe), Open.WRITE));
    setXattrFd(file.fd, fromText("user.varve"), fromText("1"));
    return true;
  } catch {
    return false;
  } finally {
    await Deno.remove(probe);
  }
}

await main();
