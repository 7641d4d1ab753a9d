import { createHasher, type DiffId } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import { LayerScanner } from "../../layer_job/internal.ts";
import type { LayerRules } from "../../layer_job/mod.ts";
import type { Job } from "../../pool/mod.ts";
import type { DerivedTree } from "../../store/internal.ts";
import { writeTreeFile } from "../../tree/mod.ts";

/** A tar, and where its tree is written. */
export interface TreeToDerive {
  /** Absolute path of the tar. */
  readonly tar: string;
  /** Absolute path of the new file of the tree. */
  readonly path: string;
  /** The diffID that the tar must have. */
  readonly diffId: DiffId;
  /** The rules by which the layer is read. */
  readonly rules: LayerRules;
}

/** Number of bytes that are read at once. */
const PIECE = 1024 * 1024;

/**
 * Derives the tree of a layer from its tar again, and proves the tar, in a worker.
 *
 * @throws {VarveError} `E_DIFFID` the tar has other bytes · the errors of a tar that the rules refuse
 */
export const deriveTreeJob: Job<TreeToDerive, DerivedTree> = {
  name: "derive-tree",
  entry: "extract",
  async run({ tar, path, diffId, rules }, { signal, throwIfAborted, progress }) {
    await Promise.resolve();
    signal.throwIfAborted();
    using source = Deno.openSync(tar, { read: true });
    const scanner = new LayerScanner({
      policy: rules.policy,
      limits: rules.limits,
      tarLimits: rules.streamLimits,
      blobSize: source.statSync().size,
      checkpoint: throwIfAborted,
    });
    const hasher = createHasher();
    const buffer = new Uint8Array(PIECE);
    let read = 0;
    for (;;) {
      const count = source.readSync(buffer);
      if (count === null) break;
      const bytes = buffer.subarray(0, count);
      hasher.update(bytes);
      scanner.push(bytes);
      progress({ read: read += count, written: 0 });
    }
    const actual = hasher.digest();
    if (actual !== diffId) {
      throw new VarveError(
        "E_DIFFID",
        `Cannot derive the tree of layer ${diffId}: its tar is damaged`,
        {
          expected: diffId,
          actual,
        },
      );
    }
    const { tree, dirtyPadding, cutPadding } = scanner.finish(diffId, read);
    using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
    let treeSize = 0;
    const treeSum = writeTreeFile(tree, (bytes) => {
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
      treeSize += bytes.length;
    });
    return {
      path,
      treeDigest: tree.digest,
      treeSize,
      treeSum,
      entries: tree.count,
      dirtyPadding: dirtyPadding !== null || cutPadding !== null,
    };
  },
};
