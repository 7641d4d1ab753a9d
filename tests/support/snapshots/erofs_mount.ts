/** EROFS images as files, and mounts of them. */
import { fromText } from "../../../lib/bytes/mod.ts";
import { writeErofs, type WriteErofsOptions } from "../../../lib/codec/erofs/mod.ts";
import type { DiffId } from "../../../lib/digest/mod.ts";
import { performMount } from "../../../lib/linux/mod.ts";
import type { Tree } from "../../../lib/tree/mod.ts";
import { type TempDir, tempDir } from "../machine/temp_dir.ts";

/** A temporary directory on a disk: file-backed mounts do not work on tmpfs, which `/tmp` often is. */
export function diskDir(): Promise<TempDir> {
  return tempDir("varve-test-", "/var/tmp");
}

/** Writes a tree's image to a file; returns its devices. */
export function writeImageFile(
  path: string,
  tree: Tree,
  options: WriteErofsOptions = {},
): readonly DiffId[] {
  const image = writeErofs(tree, options);
  using file = Deno.openSync(path, { write: true, createNew: true });
  image.write((bytes) => {
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  });
  return image.devices;
}

/** Mounts an image read-only; `tars` are the paths of the layers by diffID. */
export function mountErofs(
  image: string,
  target: string,
  devices: readonly DiffId[],
  tars: ReadonlyMap<DiffId, string>,
): void {
  Deno.mkdirSync(target, { recursive: true });
  performMount({
    type: "erofs",
    source: fromText(image),
    options: ["ro", ...devices.map((device) => `device=${fromText(tars.get(device) as string)}`)],
  }, fromText(target));
}
