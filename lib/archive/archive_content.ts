import { type Compression, sniff } from "../codec/compress/mod.ts";
import { VarveError } from "../errors.ts";
import type { BlobContent, LayerContent, StreamContent, WantedLayer } from "../image/internal.ts";
import { layerError } from "../image/internal.ts";
import type { Descriptor } from "../oci/mod.ts";
import type { ArchiveFiles, FileAt } from "./files.ts";

/**
 * The content of a layer that a document names.
 *
 * @param file name of the file in the archive
 * @throws {VarveError} `E_MISSING`, `E_FORMAT`; the error of the layer job when the layer came in a stream
 */
export async function layerContent(
  files: ArchiveFiles,
  file: string,
  { label }: WantedLayer,
): Promise<LayerContent> {
  const at = await files.find(file);
  if (at === undefined) {
    throw new VarveError(
      "E_MISSING",
      `Cannot load layer ${label}: the archive does not hold ${JSON.stringify(file)}`,
      { subject: file },
    );
  }
  switch (at.kind) {
    case "bytes":
      return bytesContent(at);
    case "failed":
      throw at.error;
    case "blob":
      throw new VarveError("E_FORMAT", `Cannot load layer ${label}: it is not a tar archive`, {
        subject: file,
      });
    default:
      return at;
  }
}

/**
 * The content of a part of an attestation or artifact; `undefined` when the archive does not have it, or when the
 * ingest or the store has it already.
 */
export async function partContent(
  files: ArchiveFiles,
  file: string,
  part: Descriptor,
): Promise<BlobContent | undefined> {
  const at = await files.find(file);
  switch (at?.kind) {
    case undefined:
    case "blob":
    case "known":
      return undefined;
    case "bytes":
      return bytesContent(at);
    case "failed":
      throw new VarveError(
        "E_FORMAT",
        `Cannot load ${files.label}: its attachment ${part.digest} looks like a layer but is not a valid one`,
        { subject: part.digest, hint: "load it from an uncompressed file instead" },
        { cause: at.error },
      );
    default:
      return at;
  }
}

function bytesContent({ bytes }: Extract<FileAt, { kind: "bytes" }>): StreamContent {
  return {
    kind: "stream",
    size: bytes.length,
    alwaysVerify: true,
    open: () => Promise.resolve(ReadableStream.from([bytes])),
  };
}

/** The compression of a layer. @throws {VarveError} `E_COMPRESSION`, with the name of its file */
export function compressionOf(head: Uint8Array, file: string): Compression {
  try {
    return sniff(head);
  } catch (error) {
    throw layerError(error, "load", file);
  }
}
