import { type ByteString, escapeForTerminal } from "../../bytes/mod.ts";
import { VarveError } from "../../errors.ts";
import type { NodeType, Xattr } from "../../tree/mod.ts";
import { aclWithMode, judgeAcl } from "./acl.ts";
import { isCapability } from "./capability.ts";
import { shownPath } from "./path.ts";
import type { Entry } from "../entry.ts";
import { LAYER_LIMITS, type LayerLimits } from "../limits.ts";
import type { LayerPolicy } from "../policy.ts";
import type { WarningCode, WarningCounter } from "../warnings.ts";

/** `XATTR_NAME_MAX`: maximum bytes of one name. */
const MAX_NAME = 255;
/** `XATTR_LIST_MAX`: maximum bytes of all names of an inode, each with a NUL. */
const MAX_LIST = 65536;
const NONE: readonly Xattr[] = [];

/** The properties of an inode that decide which extended attributes it can have. */
export interface XattrInode {
  /** Type of the inode. */
  readonly type: NodeType;
  /** Permission bits of the inode, 0 to 0o7777. */
  readonly mode: number;
}

/**
 * Selects the extended attributes of an entry that the tree keeps, and counts the others as warnings.
 *
 * @returns the attributes sorted by name, each name once
 * @throws {VarveError} `E_XATTR` for names and values that no Linux file system can hold, and for a
 * malformed capability
 */
export function judgeXattrs(
  entry: Entry,
  inode: XattrInode,
  policy: LayerPolicy,
  limits: LayerLimits,
  warnings: WarningCounter,
): readonly Xattr[] {
  for (const name of entry.aclTexts ?? []) warnings.add("W_ACL_TEXT", entry.path, name);
  if (entry.xattrs.length === 0) return NONE;
  checkSizes(entry, limits);
  const kept = new Map<ByteString, ByteString>();
  for (const { name, value } of entry.xattrs) {
    const verdict = judge(name, value, entry, inode, policy);
    // If several attributes have the same name, only the last counts. If the last is dropped, none
    // of them is kept.
    kept.delete(name);
    if (verdict !== "keep") warnings.add(verdict, entry.path, name);
    else kept.set(name, name === ACL_ACCESS ? aclWithMode(value, inode.mode) : value);
  }
  return [...kept].map(([name, value]) => ({ name, value }))
    .sort((a, b) => a.name < b.name ? -1 : 1);
}

/**
 * Joins the extended attributes of two entries of one inode. If both entries have an attribute with
 * the same name, the attribute of the second entry is used.
 *
 * @param mode mode that the second entry sets, which also changes an access ACL of the first; null
 * if it is the mode of the first entry
 */
export function mergeXattrs(
  before: readonly Xattr[],
  after: readonly Xattr[],
  mode: number | null,
): readonly Xattr[] {
  const hasAcl = mode !== null && before.some(({ name }) => name === ACL_ACCESS);
  if (after.length === 0 && !hasAcl) return before;
  const merged = new Map<ByteString, Xattr>();
  for (const { name, value } of before) {
    const isAcl = hasAcl && name === ACL_ACCESS;
    merged.set(name, { name, value: isAcl ? aclWithMode(value, mode) : value });
  }
  for (const xattr of after) merged.set(xattr.name, xattr);
  return [...merged.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}

const ACL_ACCESS = "system.posix_acl_access" as ByteString;
const ACL_DEFAULT = "system.posix_acl_default" as ByteString;

function judge(
  name: ByteString,
  value: ByteString,
  entry: Entry,
  inode: XattrInode,
  policy: LayerPolicy,
): "keep" | WarningCode {
  const dot = name.indexOf(".");
  switch (name.slice(0, dot)) {
    case "user":
      if (isOverlays(name, "user.overlay")) return "W_XATTR_OVERLAY";
      return inode.type === "file" || inode.type === "directory" ? "keep" : "W_XATTR_USER";
    case "trusted":
      return isOverlays(name, "trusted.overlay") ? "W_XATTR_OVERLAY" : "W_XATTR_TRUSTED";
    case "security":
      if (name === "security.capability") {
        if (isCapability(value)) return "keep";
        throw xattrError(entry, name, "it is not a capability set of version 2 or 3");
      }
      return name === "security.ima" && policy.ima === "keep" ? "keep" : "W_XATTR_SECURITY";
    case "system":
      return judgeSystem(name, value, inode);
    default:
      return "W_XATTR_NAMESPACE";
  }
}

function judgeSystem(name: ByteString, value: ByteString, inode: XattrInode): "keep" | WarningCode {
  if (name !== ACL_ACCESS && name !== ACL_DEFAULT) return "W_XATTR_SYSTEM";
  if (inode.type === "symlink") return "W_XATTR_ACL";
  const acl = judgeAcl(value);
  // A minimal access ACL only repeats the mode. A minimal default ACL has an effect, because new
  // files get their mode from it.
  const hasEffect = name === ACL_DEFAULT
    ? inode.type === "directory" && acl !== "invalid"
    : acl === "extended";
  return hasEffect ? "keep" : "W_XATTR_ACL";
}

/** Whether an attribute is reserved for the overlay file system. */
function isOverlays(name: ByteString, prefix: string): boolean {
  return name.startsWith(prefix) && (name.length === prefix.length || name[prefix.length] === ".");
}

function checkSizes(entry: Entry, limits: LayerLimits): void {
  let list = 0;
  let total = 0;
  for (const { name, value } of entry.xattrs) {
    const dot = name.indexOf(".");
    if (name.length > MAX_NAME) {
      throw xattrError(entry, name, `its name is longer than ${MAX_NAME} bytes`);
    }
    if (dot <= 0 || dot === name.length - 1) {
      throw xattrError(entry, name, "its name is not namespace.name");
    }
    if (name.includes("\0")) throw xattrError(entry, name, "its name holds a NUL");
    if (value.length > limits.xattrValue) throw tooLarge(entry, name, "xattrValue", limits);
    list += name.length + 1;
    total += name.length + value.length;
    if (total > limits.xattrTotal) throw tooLarge(entry, name, "xattrTotal", limits);
    if (list > MAX_LIST) {
      throw xattrError(
        entry,
        name,
        `the names of all attributes together are longer than ${MAX_LIST} bytes`,
      );
    }
  }
}

function tooLarge(
  entry: Entry,
  name: ByteString,
  limit: "xattrValue" | "xattrTotal",
  limits: LayerLimits,
): VarveError {
  const { setting, about } = LAYER_LIMITS[limit];
  const why = `the limit of ${limits[limit]} bytes (${about}, ${setting}) is exceeded`;
  return xattrError(entry, name, why, setting);
}

function xattrError(entry: Entry, name: ByteString, why: string, setting?: string): VarveError {
  const subject = shownPath(entry.path);
  const shown = escapeForTerminal(name.slice(0, 80) as ByteString);
  return new VarveError(
    "E_XATTR",
    `Cannot take extended attribute "${shown}" of ${subject}: ${why}`,
    { subject, setting },
  );
}
