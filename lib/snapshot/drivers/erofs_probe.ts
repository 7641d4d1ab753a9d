import { fromText } from "../../bytes/mod.ts";
import { writeErofs } from "../../codec/erofs/mod.ts";
import { VarveError } from "../../errors.ts";
import { type Mount, performMount, performUnmount } from "../../linux/mod.ts";
import type { Store } from "../../store/mod.ts";
import { emptyTree } from "../../tree/mod.ts";
import { performOnLoops } from "../compose/loops.ts";
import { overlayWorks } from "./overlay_probe.ts";

/**
 * Mounts an image of nothing from the store's own file system: the only answer that holds for this
 * kernel, this user and this file system together. Read-write snapshots also need overlay.
 *
 * @returns true, or why it does not work
 */
export function erofsWorks(store: Store): true | string {
  const overlay = overlayWorks(store);
  if (overlay !== true) return overlay;
  const base = Deno.makeTempDirSync({
    dir: store.directories?.mounts ?? "",
    prefix: "erofs-probe-",
  });
  try {
    Deno.mkdirSync(`${base}/at`);
    using file = Deno.openSync(`${base}/image`, { write: true, createNew: true });
    writeErofs(emptyTree("root")).write((bytes) => {
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    });
    return probe(base);
  } catch (error) {
    if (error instanceof VarveError) return error.message;
    throw error;
  } finally {
    performUnmount(fromText(`${base}/at`), { lazy: true });
    Deno.removeSync(base, { recursive: true });
  }
}

function probe(base: string): true {
  const mount: Mount = { type: "erofs", source: fromText(`${base}/image`), options: ["ro"] };
  const at = fromText(`${base}/at`);
  try {
    performMount(mount, at);
  } catch (error) {
    if (!(error instanceof VarveError && error.details.errno === "ENOTBLK")) throw error;
    performOnLoops(mount, at);
  }
  return true;
}
