import { fromText } from "../../bytes/mod.ts";
import { writeErofs } from "../../codec/erofs/mod.ts";
import {
  type MountedBy,
  mountImageFile,
  type MountImageFileOptions,
} from "../../compose/internal.ts";
import { fileSystemOf, type Mount } from "../../linux/mod.ts";
import type { DiskStore } from "../../store/mod.ts";
import { emptyTree } from "../../tree/mod.ts";
import { overlayWorks } from "./overlay_probe.ts";
import { inProbeDirectory, type ProbeDirectory } from "./probe_directory.ts";

/** Result of a probe: how an image was mounted, or why that failed. */
export type ErofsFinding =
  | { readonly works: true; readonly by: MountedBy; readonly fileSystem: string }
  | { readonly works: false; readonly why: string };

/**
 * Mounts an empty image from the store's own file system. Only a trial shows whether this kernel, this user and this
 * file system work together. Overlay is tried too, since read-write snapshots need it.
 */
export function tryErofs(store: DiskStore, options: MountImageFileOptions): ErofsFinding {
  const overlay = overlayWorks(store);
  if (overlay !== true) return { works: false, why: overlay };
  const found = inProbeDirectory(store.directories, (at) => probe(at, options));
  return typeof found === "string" ? { works: false, why: found } : found;
}

function probe(
  { base, fd, at }: ProbeDirectory,
  options: MountImageFileOptions,
): ErofsFinding {
  Deno.mkdirSync(at);
  {
    using file = Deno.openSync(`${base}/image`, { write: true, createNew: true });
    writeErofs(emptyTree("root")).write((bytes) => {
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    });
  }
  const mount: Mount = { type: "erofs", source: fromText(`${base}/image`), options: ["ro"] };
  const by = mountImageFile(mount, fromText(at), options);
  return { works: true, by, fileSystem: fileSystemOf(fd).type };
}
