import type { BlobSource } from "../image/internal.ts";
import type { Layout, LayoutFile } from "./layout_files.ts";

/** Options of the sinks that write a layout. */
export interface SinkOptions {
  readonly signal?: AbortSignal | undefined;
  /** Number of files to write at the same time; 1 when absent. A tar is always written file by file. */
  readonly concurrency?: number | undefined;
  /** Called with the number of bytes written so far, and the total. */
  readonly onProgress?: ((written: number, total: number) => void) | undefined;
}

/** Opens the bytes of a file of a layout. */
export async function openLayoutFile(
  blobs: BlobSource,
  file: LayoutFile,
  signal: AbortSignal | undefined,
): Promise<ReadableStream<Uint8Array>> {
  if ("bytes" in file) return streamOf(file.bytes);
  return await blobs.open(file.blob, 0, signal);
}

/** Makes a stream with the bytes as its single chunk. */
export function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return ReadableStream.from(bytes.length === 0 ? [] : [bytes]);
}

/**
 * Returns a function that makes streams for counting. Each stream passes its bytes on unchanged. The number of bytes in
 * all of these streams is reported as progress.
 */
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
