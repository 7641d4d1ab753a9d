import type { BlobSource, ImagePlan } from "../image/internal.ts";
import { boundedParallel } from "../pool/internal.ts";
import { meter, openLayoutFile, type SinkOptions } from "./layout_content.ts";
import { type ArchivedImages, layoutOf } from "./layout_files.ts";
import { syncDirectory } from "./save_target.ts";
import { writeAll } from "./write_file.ts";

/** Options of a write to a layout directory. */
export interface DirectorySinkOptions extends SinkOptions {
  /** Whether to sync the data to disk before the directory appears. */
  readonly durability: "full" | "none";
  /** Called when another process has written to the layout for two seconds, with what to tell the user. */
  readonly onWait?: ((message: string) => void) | undefined;
}

/** Writes the files of a layout into an empty directory, and syncs them. The directory itself is not synced. */
export async function writeFiles(
  images: ArchivedImages,
  directory: string,
  options: DirectorySinkOptions,
  { plan, blobs }: { readonly plan: ImagePlan; readonly blobs: BlobSource },
): Promise<void> {
  const layout = layoutOf(images, plan);
  const progress = meter(layout, options);
  const directories = new Set<string>();
  const { signal, concurrency: limit = 1 } = options;
  await boundedParallel(layout.files, async (file, signal) => {
    const filePath = `${directory}/${file.name}`;
    await Deno.mkdir(filePath.slice(0, filePath.lastIndexOf("/")), { recursive: true });
    for (const parent of parentsOf(file.name)) directories.add(parent);
    using output = await Deno.open(filePath, { write: true, createNew: true });
    const content = await openLayoutFile(blobs, file, signal);
    await writeAll(output, content.pipeThrough(progress()));
    if (options.durability === "full") await output.syncData();
  }, { limit, signal });
  if (options.durability !== "full") return;
  for (const name of directories) await syncDirectory(`${directory}/${name}`);
}

/** The directories above a file, without the top: `blobs`, `blobs/sha256`. */
function parentsOf(name: string): string[] {
  const parts = name.split("/").slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join("/"));
}
