import { VarveError } from "../../errors.ts";
import type { Compression } from "./compression.ts";

/**
 * Checks the compression that a layer's media type states against the compression of its bytes
 * (image-spec, layer.md; Docker's media types end in `.gzip` and `.zstd`).
 *
 * A layer whose compression differs from the stated compression can be read; the caller gets a
 * warning. A layer that is stated to be uncompressed but is compressed must be refused, because its
 * digest would be used as its diffID.
 *
 * @param mediaType media type of the layer's descriptor; parameters after `;` are ignored
 * @param actual compression that {@linkcode sniff} found
 * @returns a warning for the user; `undefined` when both agree
 * @throws {VarveError} `E_COMPRESSION` when the media type says uncompressed but the bytes are
 *   compressed; `E_MEDIA_TYPE` when it is not the media type of a layer tar, or the layer is
 *   encrypted
 */
export function checkMediaType(mediaType: string, actual: Compression): string | undefined {
  const stated = statedCompression(mediaType);
  if (stated === actual) return undefined;
  const shown = JSON.stringify(mediaType.slice(0, 200));
  if (stated === "none") {
    throw new VarveError(
      "E_COMPRESSION",
      `Cannot read layer: media type ${shown} says uncompressed, but the bytes are ${actual}`,
      { expected: stated, actual },
    );
  }
  const found = actual === "none" ? "uncompressed" : actual;
  return `media type ${shown} says ${stated}, but the bytes are ${found}`;
}

/** The compression that a media type states. */
function statedCompression(mediaType: string): Compression {
  const type = mediaType.split(";", 1)[0]!.trim().toLowerCase();
  const match = /[./]tar(?:[.+](gzip|zstd))?$/.exec(type);
  if (match !== null) return (match[1] ?? "none") as Compression;
  const shown = JSON.stringify(mediaType.slice(0, 200));
  const state = type.endsWith("+encrypted") ? "it is encrypted" : "it names no layer tar";
  throw new VarveError("E_MEDIA_TYPE", `Cannot read layer of media type ${shown}: ${state}`, {
    actual: mediaType.slice(0, 200),
  });
}
