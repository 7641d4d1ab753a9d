/**
 * `deno task demo [ARCHIVE]`: varve's main job from beginning to end, in less than half a minute.
 *
 * It needs nothing but Deno. With an archive (docker-archive or OCI layout) it uses that,
 * otherwise it builds an image from files of this machine.
 */
// deno-lint-ignore-file no-console
import { fromText } from "../../lib/bytes/mod.ts";
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

  // Loading verifies: no byte gets into the store that its digest does not vouch for.
  const start = performance.now();
  const loaded = await ask<Loaded>(first, ["load", archive]);
  const seconds = (performance.now() - start) / 1000;
  const [image] = loaded.images;
  if (image === undefined) throw new Error(`Cannot go on: ${archive} holds no image`);
  const bytes = image.layers.reduce((sum, layer) => sum + layer.uncompressedSize, 0);
  const mib = bytes / 2 ** 20;
  console.log(
    `${mib.toFixed(1)} MiB in ${image.layers.length} layers verified in ` +
      `${seconds.toFixed(2)} s: ${(mib / seconds).toFixed(0)} MiB/s, the start of Deno included`,
  );
  const name = image.name ?? image.imageId;
  await show(first, ["layers", name]);

  if (image.layers.length > 1) {
    console.log("\nThe same image without its topmost layer: its layers are here already.");
    const inspected = await ask<Inspected>(first, ["inspect", name], false);
    await writeBelow(inspected, first, temp.join("below"));
    await show(first, ["load", temp.join("below")]);
    console.log("\nSo this is what the topmost layer does:");
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
  console.log(`${path}: ${(bytes.length / 2 ** 20).toFixed(1)} MiB`);
  return path;
}

/** Mounts where this machine lets us, unpacks otherwise. */
async function look(root: string, name: string, directory: string): Promise<void> {
  await Deno.mkdir(directory);
  const mounted = await varve(root, ["mount", name, directory]);
  if (mounted.code === 0) {
    await list(directory);
    await show(root, ["umount", directory]);
    await change(root, name, directory);
    return;
  }
  console.log("This machine or user may not mount: the same files, unpacked.");
  await show(root, ["unpack", name, `${directory}/files`]);
  await list(`${directory}/files`);
}

/** A change on a read-write layer: by a container where this machine runs one, else by hand; committed as a new image. */
async function change(root: string, name: string, directory: string): Promise<void> {
  const script = "echo changed > /demo-change; echo 'Hello from inside the image.'";
  const ran = await varve(root, ["run", "--name", "demo", name, "--", "/bin/sh", "-c", script]);
  if (ran.code === 0) {
    console.log(ran.stdout.trimEnd());
  } else {
    console.log("No container runs here, or the image has no shell: the change is made by hand.");
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

/** What must be the same in both stores. */
function digestsOf({ images }: Loaded): string {
  return JSON.stringify(images.map(({ imageId, manifest, chainId, layers }) => ({
    imageId,
    manifest,
    chainId,
    layers: layers.map((layer) => [layer.digest, layer.diffId, layer.chainId]),
  })));
}

/** Whether the file system of a directory takes user attributes. */
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
