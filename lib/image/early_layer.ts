/** Checks layers that arrived in a stream before the documents that name them. */
import { checkMediaType, type Compression } from "../codec/compress/mod.ts";
import {
  type Algorithm,
  algorithmOf,
  createHasher,
  type DiffId,
  type Digest,
  equalDigests,
} from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import type { Warning } from "../layer/mod.ts";
import type { LayerJobOutput } from "../layer_job/mod.ts";
import type { EarlyLayer, WantedLayer } from "./contract.ts";
import { rangeChunks } from "./read_range.ts";

/**
 * The job output of a layer that was made before its diffID was known. If the diffID is not a SHA-256 digest, the tar
 * is hashed once more, with the algorithm of the diffID, and the output has the result as `otherDiffId`.
 */
export async function withOtherDiffId(
  { diffId }: WantedLayer,
  early: EarlyLayer,
): Promise<LayerJobOutput> {
  if (diffId === undefined || algorithmOf(diffId) === "sha256") return early.output;
  const otherDiffId = await digestOfTar(early, algorithmOf(diffId)) as DiffId;
  return { ...early.output, otherDiffId };
}

/**
 * Checks the media type of a layer that was made before its media type was known. For other layers, the job checks it.
 *
 * @throws {VarveError} `E_COMPRESSION`
 */
export function mediaWarnings({ mediaType }: WantedLayer, compression: Compression): Warning[] {
  const example = mediaType === undefined ? undefined : checkMediaType(mediaType, compression);
  return example === undefined ? [] : [{ code: "W_MEDIA_TYPE", count: 1, example }];
}

/** Reads a stream to its end and compares its digest. @throws {VarveError} `E_DIGEST` */
export async function verifyStream(
  label: string,
  expected: Digest,
  bytes: AsyncIterable<Uint8Array>,
): Promise<void> {
  const hasher = createHasher(algorithmOf(expected));
  for await (const chunk of bytes) hasher.update(chunk);
  const actual = hasher.digest();
  if (equalDigests(expected, actual)) return;
  throw new VarveError("E_DIGEST", `Cannot load ${label}: its bytes do not match its digest`, {
    expected,
    actual,
    subject: label,
  });
}

/** Hashes the tar of a layer that is staged. */
async function digestOfTar(
  { staged: { target }, output }: EarlyLayer,
  algorithm: Algorithm,
): Promise<Digest> {
  const hasher = createHasher(algorithm);
  for (const piece of output.memory?.tar ?? []) hasher.update(piece);
  if (target.kind === "files") {
    for await (const chunk of rangeChunks(target.tar, 0, output.uncompressedSize)) {
      hasher.update(chunk);
    }
  }
  return hasher.digest();
}
