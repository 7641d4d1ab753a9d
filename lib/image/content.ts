import { createHasher, type Digest } from "../digest/mod.ts";
import type { BlobContent, EarlyLayer } from "./contract.ts";
import { rangeChunks } from "./read_range.ts";

/** Opens the bytes of a layer or blob. */
export async function openContent(
  content: BlobContent,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  switch (content.kind) {
    case "file":
      return rangeChunks(content.path, content.offset, content.length);
    case "stream":
      return await content.open(signal);
    case "early":
      return earlyChunks(content);
  }
}

/** Hashes the bytes of a layer or blob whose digest is unknown. */
export async function digestOfContent(content: BlobContent, signal: AbortSignal): Promise<Digest> {
  const hasher = createHasher("sha256");
  for await (const chunk of await openContent(content, signal)) {
    signal.throwIfAborted();
    hasher.update(chunk);
  }
  return hasher.digest();
}

/**
 * The original bytes of the blob from which an early layer was made. They are needed when the document that names the
 * blob uses it as a plain blob and not as a layer, as an attestation or artifact can.
 */
async function* earlyChunks({ staged, output }: EarlyLayer): AsyncGenerator<Uint8Array> {
  const { target } = staged;
  const isPlain = output.compression === "none";
  const memory = isPlain ? output.memory?.tar : output.memory?.blob;
  if (memory !== undefined && memory !== null) return yield* memory;
  if (target.kind === "files" && target.blob !== null) {
    return yield* rangeChunks(isPlain ? target.tar : target.blob, 0, output.size);
  }
  throw new Error("a layer from a stream was staged without its blob");
}
