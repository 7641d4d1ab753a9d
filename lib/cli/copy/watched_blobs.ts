import type { Digest } from "../../digest/mod.ts";
import type { BlobSource, PlannedImage } from "../../image/internal.ts";
import type { PushedImage, PushProgress } from "../../registry/mod.ts";

/** The blobs of an image that are written to files. */
export interface WatchedBlobs {
  readonly blobs: BlobSource;
  /** What became of each blob, when all is written. What nobody has read was there already. */
  outcomes(): PushedImage["blobs"];
}

/** Reports the progress of blobs that are read once, from their start. */
export function watchedBlobs(
  { plan, blobs }: PlannedImage,
  onProgress: (progress: PushProgress) => void,
): WatchedBlobs {
  const read = new Set<Digest>();
  for (const { digest: blob, size: total } of plan.blobs) {
    onProgress({ blob, total, sent: 0, state: "waiting" });
  }
  return {
    blobs: {
      async open(descriptor, from, signal) {
        const { digest: blob, size: total } = descriptor;
        const bytes = await blobs.open(descriptor, from, signal);
        read.add(blob);
        let sent = from;
        return bytes.pipeThrough(
          new TransformStream({
            transform(chunk, controller) {
              sent += chunk.length;
              onProgress({ blob, total, sent, state: "running" });
              controller.enqueue(chunk);
            },
            flush: () => onProgress({ blob, total, sent, state: "uploaded" }),
          }),
        );
      },
    },
    outcomes: () =>
      plan.blobs.map(({ digest, size }) => {
        if (read.has(digest)) return { digest, size, outcome: "uploaded" };
        onProgress({ blob: digest, total: size, sent: size, state: "present" });
        return { digest, size, outcome: "present" };
      }),
  };
}
