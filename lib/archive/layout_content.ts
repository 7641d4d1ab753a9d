import type { BlobSource } from "../image/internal.ts";
import type { Layout, LayoutFile } from "./layout_files.ts";

/** How a layout is written. */
export interface SinkOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes written so far and in all. */
  readonly onProgress?: ((written: number, total: number) => void) | undefined;
}

/** Opens a file of a layout. */
export async function openLayoutFile(
  blobs: BlobSource,
  file: LayoutFile,
  signal: AbortSignal | undefined,
): Promise<ReadableStream<Uint8Array>> {
  if ("bytes" in file) return streamOf(file.bytes);
  return await blobs.open(file.blob, 0, signal);
}

/** Bytes as a stream. */
export function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return ReadableStream.from(bytes.length === 0 ? [] : [bytes]);
}

/** Counts what passes through all of its streams together. */
export function meter(
  layout: Layout,
  options: SinkOptions,
): () => TransformStream<Uint8Array, Uint8Array> {
  const total = layout.files.reduce((sum, file) => sum + file.size, 0);
  let written = 0;
  return () =>
    new TransformStream({
      transform(chunk, controller) {
        options.signal?.throwIfAborted();
        written += chunk.length;
        options.onProgress?.(written, total);
        controller.enqueue(chunk);
      },
    });
}
