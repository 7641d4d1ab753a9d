import { algorithmOf } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import type { LayerJobOutput } from "../../layer_job/mod.ts";
import type { LayerKey } from "../contract.ts";
import type { FinishedLayer } from "./staged.ts";
import { otherLayer } from "../rules.ts";

/**
 * Checks a job's output against the key with which its layer was begun. The job has checked this
 * too, but a store does not trust its callers.
 *
 * @throws {VarveError} `E_DIGEST`, `E_DIFFID`, `E_SIZE`
 */
export function checkOutput(key: LayerKey, output: LayerJobOutput): void {
  if (key.digest !== undefined && key.digest !== output.digest) {
    throw new VarveError(
      "E_DIGEST",
      `Cannot keep layer: its digest is ${output.digest}, not ${key.digest}`,
      {
        expected: key.digest,
        actual: output.digest,
      },
    );
  }
  if (algorithmOf(output.diffId) !== "sha256") {
    throw new TypeError(`Cannot keep layer ${output.diffId}: its diffID must be a SHA-256 digest`);
  }
  if (
    key.diffId !== undefined && key.diffId !== output.diffId && key.diffId !== output.otherDiffId
  ) {
    throw new VarveError(
      "E_DIFFID",
      `Cannot keep layer ${output.digest}: it holds ${output.diffId}, not ${key.diffId}`,
      {
        expected: key.diffId,
        actual: output.diffId,
      },
    );
  }
  const { memory, uncompressedSize } = output;
  const size = memory?.tar.reduce((sum, { length }) => sum + length, 0);
  if (size !== undefined && size !== uncompressedSize) {
    throw new VarveError(
      "E_SIZE",
      `Cannot keep layer ${output.diffId}: its size differs from what its job reports`,
      {
        expected: uncompressedSize,
        actual: size,
      },
    );
  }
}

/**
 * Whether a finished layer is the layer that a key names. If `wantsBlob`, the layer must also come
 * from the blob that the key names. The key's diffID may have another algorithm than SHA-256. If the
 * layer was not hashed with this other algorithm yet, the result is false: the diffID must be proved
 * first.
 *
 * @throws {VarveError} `E_DIFFID` when the blob of the key was proved to hold another layer
 */
export function isLayerOf(
  key: LayerKey,
  finished: Pick<FinishedLayer, "digest" | "diffId" | "otherDiffId">,
  wantsBlob: boolean,
): boolean {
  const isItsDiffId = key.diffId === finished.diffId ||
    (key.diffId !== undefined && key.diffId === finished.otherDiffId);
  // The uncompressed tar is also a blob of its layer, even if the layer was made from a compressed
  // blob.
  if (key.digest === finished.digest || key.digest === finished.diffId) {
    if (key.diffId === undefined || isItsDiffId) return true;
    if (algorithmOf(key.diffId) !== "sha256") return false;
    throw otherLayer(key, finished.diffId);
  }
  return !wantsBlob && isItsDiffId;
}
