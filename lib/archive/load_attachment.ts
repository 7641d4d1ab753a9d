import { VarveError } from "../errors.ts";
import { rangeChunks } from "../image/internal.ts";
import { type Descriptor, OCI_LIMITS, parseManifest } from "../oci/mod.ts";
import { blobPath, type FileAt } from "./files.ts";
import type { StageContext } from "./staged_image.ts";

/** Attestations and artifacts are kept as blobs, so that the index stays whole; nothing of them is unpacked. */
export function isAttachment(child: Descriptor): boolean {
  return child.artifactType !== undefined || child.platform?.os === "unknown";
}

/**
 * Stages the manifest of an attachment and what it names, as far as the archive holds it.
 *
 * @throws {VarveError} `E_JSON`, `E_FORMAT`, `E_DIGEST`, `E_SIZE`, `E_LIMIT`
 */
export async function stageAttachment(context: StageContext, target: Descriptor): Promise<void> {
  const { files, ingest, limits } = context;
  const path = blobPath(target.digest);
  if (await files.find(path) === undefined) return;
  const bytes = await files.document(path, limits.manifest, OCI_LIMITS.manifest.setting);
  await ingest.blob(bytes, target.mediaType, target);
  const document = parseManifest(bytes, { mediaType: target.mediaType, limits });
  for (const part of [document.config, ...document.layers]) await stagePart(context, part);
}

async function stagePart(context: StageContext, part: Descriptor): Promise<void> {
  const { files, ingest } = context;
  const at = await files.find(blobPath(part.digest));
  switch (at?.kind) {
    // Not in the archive, or in the ingest or the store already.
    case undefined:
    case "blob":
    case "known":
      return;
    case "bytes":
      await ingest.blob(at.bytes, part.mediaType, part);
      return;
    case "range":
      await ingest.blobStream(rangeChunks(at.path, at.offset, at.length), part.mediaType, part);
      return;
    case "staged":
      await ingest.blobStream(stagedChunks(at), part.mediaType, part);
      return;
    case "failed":
      throw new VarveError(
        "E_FORMAT",
        `Cannot load ${files.label}: its attachment ${part.digest} is a tar that was taken for a layer and is none`,
        { subject: part.digest, hint: "load it from a file that is not compressed" },
        { cause: at.error },
      );
  }
}

/** The bytes as they came: in a stream it was taken for a layer before anything said what it is. */
async function* stagedChunks(
  { staged, output }: Extract<FileAt, { kind: "staged" }>,
): AsyncGenerator<Uint8Array, void, void> {
  const { target } = staged;
  const isPlain = output.compression === "none";
  const memory = isPlain ? output.memory?.tar : output.memory?.blob;
  if (memory !== undefined && memory !== null) return yield memory;
  if (target.kind === "files" && target.blob !== null) {
    return yield* rangeChunks(isPlain ? target.tar : target.blob, 0, output.size);
  }
  throw new Error("a layer of a stream is staged with its blob");
}
