import { concatReadableStreams, LimitedBytesTransformStream } from "@std/streams";
import { fromText, timestamp } from "../bytes/mod.ts";
import { encodeTarHeader, tarPadding } from "../codec/tar/mod.ts";
import type { BlobSource, ImageSink } from "../image/internal.ts";
import { meter, openLayoutFile, type SinkOptions, streamOf } from "./layout_content.ts";
import { type ArchivedImages, type Layout, layoutOf } from "./layout_files.ts";

/** Size of the two blocks of zeros that end a tar. */
const END = 1024;

/** A sink that makes one tar, which is both an OCI layout and a docker-archive. */
export function layoutTar(
  images: ArchivedImages,
  options: SinkOptions,
): ImageSink<ReadableStream<Uint8Array>> {
  return {
    send: (plan, blobs) => Promise.resolve(tarStream(layoutOf(images, plan), blobs, options)),
  };
}

/** The bytes of the tar: headers, contents and padding. */
function tarStream(
  layout: Layout,
  blobs: BlobSource,
  options: SinkOptions,
): ReadableStream<Uint8Array> {
  const mtime = timestamp(layout.mtime);
  const progress = meter(layout, options);
  const header = (name: string, size: number, directory: boolean) =>
    encodeTarHeader({
      path: fromText(name),
      type: directory ? "directory" : "file",
      mode: directory ? 0o755 : 0o644,
      uid: 0,
      gid: 0,
      mtime,
      size,
      linkname: fromText(""),
      devmajor: 0,
      devminor: 0,
      xattrs: [],
    });
  async function* parts(): AsyncGenerator<ReadableStream<Uint8Array>> {
    const made = new Set<string>();
    for (const file of layout.files) {
      for (const directory of parentsOf(file.name)) {
        if (made.has(directory)) continue;
        made.add(directory);
        yield streamOf(header(`${directory}/`, 0, true));
      }
      const content = (await openLayoutFile(blobs, file, options.signal))
        // A blob that is longer than its header says would shift all later entries.
        .pipeThrough(new LimitedBytesTransformStream(file.size, { error: true }))
        .pipeThrough(progress());
      yield concatReadableStreams(
        streamOf(header(file.name, file.size, false)),
        content,
        streamOf(new Uint8Array(tarPadding(file.size))),
      );
    }
    yield streamOf(new Uint8Array(END));
  }
  // Open one part after another: an archive can have more parts than a process may have open files.
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for await (const part of parts()) yield* part;
  }
  return ReadableStream.from(bytes());
}

function parentsOf(name: string): string[] {
  const parts = name.split("/").slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join("/"));
}
