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

/** XATTR_NAME_MAX, and XATTR_LIST_MAX for all names of an inode with their NULs. */
const MAX_NAME = 255;
const MAX_LIST = 65536;
const NONE: readonly Xattr[] = [];

/** What an inode is, as far as its extended attributes are concerned. */
export interface Bearer {
  /** Type of the node. */
  readonly type: NodeType;
  /** Its permission bits. */
  readonly mode: number;
}

/**
 * The extended attributes of an entry that its node keeps: sorted by name, each name once.
 *
 * @throws {VarveError} `E_XATTR` for names and values that no Linux file system could hold, or a malformed capability
 */
export function judgeXattrs(
  entry: Entry,
  bearer: Bearer,
  policy: LayerPolicy,
  limits: LayerLimits,
  warnings: WarningCounter,
): readonly Xattr[] {
  if (entry.xattrs.length === 0) return NONE;
  checkSizes(entry, limits);
  const kept = new Map<ByteString, ByteString>();
  for (const { name, value } of entry.xattrs) {
    const verdict = judge(name, value, entry, bearer, policy);
    // The last of a name wins, also over one that was kept.
    kept.delete(name);
    if (verdict !== "keep") warnings.add(verdict, entry.path, name);
    else kept.set(name, name === ACL_ACCESS ? aclWithMode(value, bearer.mode) : value);
  }
  return [...kept].map(([name, value]) => ({ name, value }))
    .sort((a, b) => a.name < b.name ? -1 : 1);
}

/** Extended attributes of one inode from two entries of it: those of the second win. */
export function mergeXattrs(
  before: readonly Xattr[],
  after: readonly Xattr[],
): readonly Xattr[] {
  if (after.length === 0) return before;
  const merged = new Map<ByteString, Xattr>();
  for (const xattr of before) merged.set(xattr.name, xattr);
  for (const xattr of after) merged.set(xattr.name, xattr);
  return [...merged.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}

const ACL_ACCESS = "system.posix_acl_access" as ByteString;
const ACL_DEFAULT = "system.posix_acl_default" as ByteString;

function judge(
  name: ByteString,
  value: ByteString,
  entry: Entry,
  bearer: Bearer,
  policy: LayerPolicy,
): "keep" | WarningCode {
  const dot = name.indexOf(".");
  switch (name.slice(0, dot)) {
    case "user":
      if (isOverlays(name, "user.overlay")) return "W_XATTR_OVERLAY";
      return bearer.type === "file" || bearer.type === "directory" ? "keep" : "W_XATTR_USER";
    case "trusted":
      return isOverlays(name, "trusted.overlay") ? "W_XATTR_OVERLAY" : "W_XATTR_TRUSTED";
    case "security":
      if (name === "security.capability") {
        if (isCapability(value)) return "keep";
        throw wrong(entry, name, "it is no capability set of version 2 or 3");
      }
      return name === "security.ima" && policy.ima === "keep" ? "keep" : "W_XATTR_SECURITY";
    case "system":
      return judgeSystem(name, value, bearer);
    default:
      return "W_XATTR_NAMESPACE";
  }
}

function judgeSystem(name: ByteString, value: ByteString, bearer: Bearer): "keep" | WarningCode {
  if (name !== ACL_ACCESS && name !== ACL_DEFAULT) return "W_XATTR_SYSTEM";
  if (bearer.type === "symlink") return "W_XATTR_ACL";
  const acl = judgeAcl(value);
  // A minimal access ACL is the mode; a minimal default one still gives modes to new files.
  const has = name === ACL_DEFAULT
    ? bearer.type === "directory" && acl !== "invalid"
    : acl === "extended";
  return has ? "keep" : "W_XATTR_ACL";
}

function isOverlays(name: ByteString, prefix: string): boolean {
  return name.startsWith(prefix) && (name.length === prefix.length || name[prefix.length] === ".");
}

function checkSizes(entry: Entry, limits: LayerLimits): void {
  let list = 0;
  let total = 0;
  for (const { name, value } of entry.xattrs) {
    const dot = name.indexOf(".");
    if (name.length > MAX_NAME) {
      throw wrong(entry, name, `its name is longer than ${MAX_NAME} bytes`);
    }
    if (dot <= 0 || dot === name.length - 1) {
      throw wrong(entry, name, "its name is not namespace.name");
    }
    if (name.includes("\0")) throw wrong(entry, name, "its name holds a NUL");
    if (value.length > limits.xattrValue) throw tooLarge(entry, name, "xattrValue", limits);
    list += name.length + 1;
    total += name.length + value.length;
    if (total > limits.xattrTotal) throw tooLarge(entry, name, "xattrTotal", limits);
    if (list > MAX_LIST) {
      throw wrong(entry, name, `the names of all are longer than ${MAX_LIST} bytes`);
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
  return wrong(entry, name, why, setting);
}

function wrong(entry: Entry, name: ByteString, why: string, setting?: string): VarveError {
  const subject = shownPath(entry.path);
  const shown = escapeForTerminal(name.slice(0, 80) as ByteString);
  return new VarveError(
    "E_XATTR",
    `Cannot take extended attribute "${shown}" of ${subject}: ${why}`,
    { subject, setting },
  );
}
