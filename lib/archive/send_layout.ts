/** Writes images to an OCI layout directory: a new one, or one that is there. */
import { isVarveError } from "../errors.ts";
import type { BlobSource, ImagePlan } from "../image/internal.ts";
import { fileErrno, guarded } from "../linux/mod.ts";
import { blobPath } from "./files.ts";
import { writeFiles } from "./layout_directory.ts";
import type { ArchivedImages } from "./layout_files.ts";
import { isLayout, layoutUpdate, type UpdateSinkOptions } from "./layout_update.ts";
import { directoryTarget, refuseLink, type SaveTarget } from "./save_target.ts";

/**
 * Writes images to an OCI layout directory, with Docker's manifest.json if the images say what is in it. A new directory
 * appears complete, or not at all. To a layout that is there, or that another process makes meanwhile, the images are
 * added as by {@linkcode layoutUpdate}.
 */
export async function sendLayout(
  images: ArchivedImages,
  path: string,
  options: UpdateSinkOptions,
  { plan, blobs }: { readonly plan: ImagePlan; readonly blobs: BlobSource },
): Promise<void> {
  await refuseLink(path);
  await using target = await isLayout(path) ? undefined : await newTarget(path);
  if (target === undefined) return await layoutUpdate(images, path, options).send(plan, blobs);
  const { temporary } = target;
  await guarded(`save to ${path}`, async () => {
    await writeFiles(images, temporary, options, { plan, blobs });
    try {
      await target.finish(options.durability);
    } catch (error) {
      if (!isTaken(error) || !await isLayout(path)) throw error;
      // Another process has made the layout meanwhile. What was read stays useful, and was told as progress.
      await layoutUpdate(images, path, { ...options, onProgress: undefined })
        .send(plan, blobsIn(temporary));
    }
  });
}

/** Begins a new directory; `undefined` where another process has made a layout at this moment. */
async function newTarget(path: string): Promise<SaveTarget | undefined> {
  try {
    return await directoryTarget(path);
  } catch (error) {
    if (isVarveError(error, "E_EXISTS") && await isLayout(path)) return undefined;
    throw error;
  }
}

/** Whether a directory was not renamed, because one that is not empty has its name. */
function isTaken(error: unknown): boolean {
  return ["ENOTEMPTY", "EEXIST"].includes(fileErrno(error) ?? "");
}

/** The blobs of a layout that was written by this process, and verified then. */
function blobsIn(directory: string): BlobSource {
  return {
    open: async ({ digest }) => (await Deno.open(`${directory}/${blobPath(digest)}`)).readable,
  };
}
