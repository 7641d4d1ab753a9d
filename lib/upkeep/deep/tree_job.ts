import { VarveError } from "../../errors.ts";
import { fileErrno, fileError, isExhausted } from "../../linux/mod.ts";
import type { BriefJob } from "../../pool/internal.ts";
import { decodeTree } from "../../tree/mod.ts";
import { type Digest, sha256 } from "../../digest/mod.ts";
import { isOtherTreeVersion } from "../../tree/internal.ts";

/** The file of a layer's tree, and what the row of the layer says of it. */
export interface TreeToCheck {
  /** Absolute path of the file. */
  readonly path: string;
  /** SHA-256 of the file; `null` when the row does not have it. */
  readonly sum: string | null;
  /** Digest of the tree. */
  readonly treeDigest: string;
  /** Number of entries. */
  readonly entries: number;
  /** Expected size of the file in bytes, where it is known. It only decides whether a worker is worth its start. */
  readonly size?: number | undefined;
}

/** Size of a tree that is read in less time than a worker takes to start. */
const BRIEF = 2 * 1024 * 1024;

/** What is wrong with a tree. */
export interface TreeProblem {
  readonly expected: string;
  readonly actual: string;
}

/**
 * Reads the file of a tree and compares it with its row, in a worker. `null` when it is right. A tree that another
 * version of varve wrote is no damage: it is derived again when it is used.
 */
export const treeJob: BriefJob<TreeToCheck, TreeProblem | "other version" | null> = {
  name: "check-tree",
  entry: "extract",
  isBrief: ({ size = Infinity }) => size <= BRIEF,
  async run(input, { signal, progress }) {
    await Promise.resolve();
    signal.throwIfAborted();
    let bytes: Uint8Array;
    try {
      bytes = Deno.readFileSync(input.path);
    } catch (error) {
      const errno = fileErrno(error);
      if (errno === undefined || isExhausted(error)) throw fileError(error, `read ${input.path}`);
      return { expected: "a tree", actual: `it cannot be read (${errno})` };
    }
    progress({ read: bytes.length, written: 0 });
    return problemOf(bytes, input);
  },
};

function problemOf(
  bytes: Uint8Array,
  { sum, treeDigest, entries }: TreeToCheck,
): TreeProblem | "other version" | null {
  if (isOtherTreeVersion(bytes) && (sum === null || sha256(bytes) === sum)) return "other version";
  try {
    const tree = decodeTree(bytes, (sum ?? undefined) as Digest | undefined);
    if (tree.digest !== treeDigest) return { expected: treeDigest, actual: tree.digest };
    if (tree.count !== entries) {
      return { expected: `${entries} entries`, actual: `${tree.count} entries` };
    }
    return null;
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    const { expected, actual } = error.details;
    return { expected: String(expected ?? treeDigest), actual: String(actual ?? error.message) };
  }
}
