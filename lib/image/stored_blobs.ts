import type { Store } from "../store/mod.ts";
import type { BlobSource } from "./contract.ts";

/** The blobs of a store, verified while they are read. */
export function storedBlobs(store: Store): BlobSource {
  return {
    async open({ digest }, from, signal) {
      const stream = await store.blobs.open(digest, { signal });
      // Read the blob from its start: its digest can only be verified over all bytes.
      return from === 0 ? stream : stream.pipeThrough(skipBytes(from));
    },
  };
}

/** Drops the first bytes of a stream. */
export function skipBytes(count: number): TransformStream<Uint8Array, Uint8Array> {
  let left = count;
  return new TransformStream({
    transform(chunk, controller): void {
      const skipped = Math.min(left, chunk.length);
      left -= skipped;
      if (skipped < chunk.length) controller.enqueue(chunk.subarray(skipped));
    },
  });
}
