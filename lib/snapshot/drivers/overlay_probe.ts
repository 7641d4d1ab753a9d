import { type ByteString, fromText } from "../../bytes/mod.ts";
import {
  CWD,
  effectiveUser,
  existsAt,
  fileSystemOf,
  kernelRelease,
  mayMount,
  mknodAt,
  overlayMount,
  performMount,
  releaseAtLeast,
  setXattrAt,
} from "../../linux/mod.ts";
import type { DiskStore } from "../../store/mod.ts";
import { inProbeDirectory, type ProbeDirectory } from "./probe_directory.ts";

/** The first Linux with the overlay option `volatile`. */
const VOLATILE = "5.10";

/** Options with which the unmount does not sync the file system of the upper directory. */
function unsynced(): readonly string[] {
  return releaseAtLeast(kernelRelease(), VOLATILE) ? ["volatile"] : [];
}

/**
 * Tries an overlay on the store's own file system, with everything that the driver relies on: a whiteout, an opaque
 * directory, a write. Only a trial shows whether this kernel, this user and this file system work together.
 *
 * @returns true, or why overlays do not work
 */
export function overlayWorks(store: DiskStore): true | string {
  if (!mayMount()) {
    return effectiveUser() === 0
      ? "this process may not mount (no CAP_SYS_ADMIN)"
      : "only root may mount";
  }
  return inProbeDirectory(store.directories, probe);
}

function probe({ base, fd }: ProbeDirectory): true | string {
  if (fileSystemOf(fd).type === "overlay") {
    return "the store lies on an overlay, which cannot be the upper directory of another";
  }
  const at = (name: string): ByteString => fromText(`${base}/${name}`);
  for (const name of ["lower/dir", "middle/dir", "upper", "work", "merged"]) {
    Deno.mkdirSync(`${base}/${name}`, { recursive: true });
  }
  Deno.writeTextFileSync(`${base}/lower/hidden`, "");
  Deno.writeTextFileSync(`${base}/lower/dir/hidden`, "");
  mknodAt(CWD, at("middle/hidden"), "char", 0o600);
  setXattrAt(CWD, at("middle/dir"), fromText("trusted.overlay.opaque"), fromText("y"));
  const upper = { directory: at("upper"), work: at("work") };
  const lowers = [at("middle"), at("lower")];
  performMount(overlayMount({ lowers, upper, options: unsynced() }), at("merged"));
  Deno.writeTextFileSync(`${base}/merged/dir/new`, "");
  if (existsAt(CWD, at("merged/hidden")) || existsAt(CWD, at("merged/dir/hidden"))) {
    return "overlay does not hide lower files here";
  }
  return true;
}
