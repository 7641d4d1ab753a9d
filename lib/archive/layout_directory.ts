import type { ImageSink } from "../image/internal.ts";
import { guarded } from "../linux/mod.ts";
import { boundedParallel } from "../pool/internal.ts";
import { meter, openLayoutFile, type SinkOptions } from "./layout_content.ts";
import { type ArchivedImages, layoutOf } from "./layout_files.ts";
import { directoryTarget, syncDirectory } from "./save_target.ts";
import { writeAll } from "./write_file.ts";

/** Options of {@linkcode layoutDirectory}. */
export interface DirectorySinkOptions extends SinkOptions {
  /** Whether to sync the data to disk before the directory appears. */
  readonly durability: "full" | "none";
  /** Called when another process has written to the layout for two seconds, with what to tell the user. */
  readonly onWait?: ((message: string) => void) | undefined;
}

/**
 * A sink that writes an OCI layout directory, with Docker's manifest.json if the images say what is in it. The directory appears complete, or not at
 * all.
 */
export function layoutDirectory(
  images: ArchivedImages,
  path: string,
  options: DirectorySinkOptions,
): ImageSink<void> {
  return {
    async send(plan, blobs) {
      const layout = layoutOf(images, plan);
      await using target = await directoryTarget(path);
      await guarded(`save to ${path}`, async () => {
        const progress = meter(layout, options);
        const directories = new Set<string>();
        const { signal, concurrency: limit = 1 } = options;
        await boundedParallel(layout.files, async (file, signal) => {
          const filePath = `${target.temporary}/${file.name}`;
          await Deno.mkdir(filePath.slice(0, filePath.lastIndexOf("/")), { recursive: true });
          for (const directory of parentsOf(file.name)) directories.add(directory);
          using output = await Deno.open(filePath, { write: true, createNew: true });
          const content = await openLayoutFile(blobs, file, signal);
          await writeAll(output, content.pipeThrough(progress()));
          if (options.durability === "full") await output.syncData();
        }, { limit, signal });
        if (options.durability === "full") {
          for (const name of directories) await syncDirectory(`${target.temporary}/${name}`);
        }
        await target.finish(options.durability);
      });
    },
  };
}

/** The directories above a file, without the top: `blobs`, `blobs/sha256`. */
function parentsOf(name: string): string[] {
  const parts = name.split("/").slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join("/"));
}
