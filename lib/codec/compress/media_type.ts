import { VarveError } from "../../errors.ts";
import type { Compression } from "./compression.ts";

/**
 * Holds what a layer's media type says against what its bytes are (image-spec, layer.md; Docker's
 * names end in `.gzip` and `.zstd`).
 *
 * A layer that is compressed otherwise than stated is still that layer, and the warning is to be
 * counted. One that is stated to be uncompressed and is not must be refused: its digest would be
 * taken for its diffID.
 *
 * @param mediaType of the layer's descriptor; parameters behind `;` do not matter
 * @param actual what {@linkcode sniff} found
 * @returns the warning for the user, or `undefined` where both agree
 * @throws {VarveError} `E_COMPRESSION` when it says uncompressed and the bytes are compressed;
 *   `E_MEDIA_TYPE` when it is not that of a layer tar, or says that the layer is encrypted
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
