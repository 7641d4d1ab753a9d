import { fromText } from "../../bytes/mod.ts";
import { copyDirectory, disinherit } from "../../directory/internal.ts";
import { CWD, type Fd, openDirectoryAt, ownFd, renameAt } from "../../linux/mod.ts";
import { SNAPSHOT_FILES } from "../../store/internal.ts";
import type { Want } from "./stubs.ts";
import { writeInitLayer } from "./write_stubs.ts";

/** Options of {@linkcode addInitLayer}. */
export interface InitLayerInput {
  /** Absolute path of the layer, `snapshots/<cache id>/init`. It may be missing. */
  readonly init: string;
  /** Absolute path of a directory on the same file system, in which the layer is made. */
  readonly scratch: string;
  /** The root without the new stubs, open for reading or with `O_PATH`. */
  readonly merged: Fd;
  /** The stubs to add, parents first. */
  readonly stubs: readonly Want[];
}

/**
 * Adds stubs to the init layer of a snapshot, the topmost lower of its overlay. Stubs of earlier runs are kept: the
 * container may have files in them. The new layer is made in `scratch` and renamed when it is whole. Otherwise a process
 * that is killed would leave directories without their attributes, which the next run takes as they are.
 */
export async function addInitLayer(
  { init, scratch, merged, stubs }: InitLayerInput,
): Promise<void> {
  const made = `${scratch}/${SNAPSHOT_FILES.init}`;
  await Deno.mkdir(made, { mode: 0o700 });
  disinherit(made, 0o755);
  const isThere = await hasInitLayer(init);
  {
    using directory = ownFd(openDirectoryAt(CWD, fromText(made)));
    if (isThere) {
      using old = ownFd(openDirectoryAt(CWD, fromText(init)));
      copyDirectory(old.fd, directory.fd);
    }
    writeInitLayer(directory.fd, merged, stubs);
  }
  // What was there before goes away with `scratch`.
  renameAt(CWD, fromText(made), CWD, fromText(init), isThere ? "exchange" : "exclusive");
}

/** Whether a snapshot has an init layer at this path. */
export async function hasInitLayer(init: string): Promise<boolean> {
  try {
    return (await Deno.lstat(init)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
