/**
 * Records what could not be set when a directory was filled from layers. If the user was not root,
 * all files in the directory belong to that user, and devices are missing.
 *
 * The record is the file `left-out` beside the directory. With it, a scan does not mistake things
 * that were left out for changes that somebody made.
 */
import { VarveError } from "../errors.ts";
import { effectiveGroup, effectiveUser } from "../linux/mod.ts";
import { SNAPSHOT_FILES } from "../store/internal.ts";
import type { Attributes, Node, Xattr } from "../tree/mod.ts";
import type { ExtractReport } from "./extract/contract.ts";

/** Version of the file. */
const VERSION = 1;

const { leftOut: NAME } = SNAPSHOT_FILES;

/** The differences between a directory and the layers that it was filled from. */
export interface LeftOut {
  /**
   * The user and group that own all files instead of the right owners; `null` if the owners were
   * set.
   */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  /** Whether device nodes are missing. */
  readonly devices: boolean;
  /** Which extended attributes may be missing: none, those that only root may set, or any. */
  readonly xattrs: "none" | "privileged" | "any";
}

/** Returns what an extraction by this process left out. */
export function leftOutOf({ dropped }: Pick<ExtractReport, "dropped">): LeftOut {
  const isRoot = effectiveUser() === 0;
  const privileged = dropped["xattr-security"] + dropped["xattr-trusted"] > 0;
  return {
    owner: isRoot ? null : { uid: effectiveUser(), gid: effectiveGroup() },
    devices: dropped.device > 0,
    xattrs: dropped["xattr-unsupported"] > 0 ? "any" : privileged ? "privileged" : "none",
  };
}

/**
 * Writes the record for the directory of a snapshot. Writes nothing if the directory is complete.
 */
export async function writeLeftOut(snapshotDirectory: string, leftOut: LeftOut): Promise<void> {
  const { owner, devices, xattrs } = leftOut;
  if (owner === null && !devices && xattrs === "none") return;
  const text = JSON.stringify({ version: VERSION, ...leftOut });
  await Deno.writeTextFile(`${snapshotDirectory}/${NAME}`, text);
}

/**
 * Reads the record for the directory of a snapshot.
 *
 * @returns `null` when the directory is complete
 * @throws {VarveError} `E_DAMAGE` when the file cannot be read
 */
export async function readLeftOut(snapshotDirectory: string): Promise<LeftOut | null> {
  const path = `${snapshotDirectory}/${NAME}`;
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isLeftOut(value)) {
      const { owner, devices, xattrs } = value;
      return { owner, devices, xattrs };
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new VarveError("E_DAMAGE", `Cannot read ${path}: it is damaged, or of another version`);
}

function isLeftOut(value: unknown): value is LeftOut {
  const { version, owner, devices, xattrs } = (value ?? {}) as Record<string, unknown>;
  const { uid, gid } = (owner ?? {}) as Record<string, unknown>;
  return version === VERSION && typeof devices === "boolean" &&
    (owner === null || Number.isInteger(uid) && Number.isInteger(gid)) &&
    (xattrs === "none" || xattrs === "privileged" || xattrs === "any");
}

/**
 * Returns a file with its right owner. If `found` belongs to the user who filled the directory, the
 * right owner is the owner of `before`, the node at the same path in the layers. If it belongs to
 * another user, somebody changed the owner since then, so `found` is returned unchanged.
 */
export function ownerOf<T extends Pick<Attributes, "uid" | "gid">>(
  found: T,
  before: Node | undefined,
  leftOut: LeftOut | null,
): T {
  const owner = leftOut?.owner ?? null;
  if (owner === null || before === undefined || before.type === "whiteout") return found;
  if (found.uid !== owner.uid || found.gid !== owner.gid) return found;
  return { ...found, uid: before.uid, gid: before.gid };
}

/**
 * The extended attributes of a file, completed with those attributes of `before` that could not be
 * set.
 */
export function xattrsOf(
  found: readonly Xattr[],
  before: Node | undefined,
  leftOut: LeftOut | null,
): readonly Xattr[] {
  const missing = leftOut?.xattrs ?? "none";
  if (missing === "none" || before === undefined || before.type === "whiteout") return found;
  const names = new Set(found.map(({ name }) => name));
  const more = before.xattrs.filter(({ name }) =>
    !names.has(name) && (missing === "any" || /^(?:security|trusted|user\.overlay)\./.test(name))
  );
  return more.length === 0 ? found : [...found, ...more].sort((a, b) => a.name < b.name ? -1 : 1);
}

/** Whether a node that is missing in the directory is missing because it could not be made. */
export function isLeftOutNode(node: Node | undefined, leftOut: LeftOut | null): boolean {
  return leftOut?.devices === true && (node?.type === "char" || node?.type === "block");
}
