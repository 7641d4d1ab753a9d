import type { ByteString } from "../../bytes/mod.ts";

// Tags of ACL entries (`linux/posix_acl.h`). Linux requires them in this order.
const USER_OBJ = 0x01;
const USER = 0x02;
const GROUP_OBJ = 0x04;
const GROUP = 0x08;
const MASK = 0x10;
const OTHER = 0x20;

const VERSION = 2;
const HEADER = 4;
const ENTRY = 8;

/** All tags, except the tags of named users and groups. Each may occur only once. */
const SINGLE = new Set([USER_OBJ, GROUP_OBJ, MASK, OTHER]);

/**
 * Checks the value of `system.posix_acl_access` or `system.posix_acl_default` as Linux does
 * (`posix_acl_from_xattr`, `posix_acl_valid`).
 *
 * @returns `"minimal"` for an ACL that a mode can express too, `"extended"` for any other ACL,
 * `"invalid"` for any other value
 */
export function judgeAcl(value: ByteString): "invalid" | "minimal" | "extended" {
  if (value.length <= HEADER || (value.length - HEADER) % ENTRY !== 0) return "invalid";
  if (u32(value, 0) !== VERSION) return "invalid";
  let last = 0;
  let named = false;
  const seen = new Set<number>();
  for (let at = HEADER; at < value.length; at += ENTRY) {
    const tag = u16(value, at);
    if (u16(value, at + 2) > 7 || tag < last) return "invalid";
    if (tag === USER || tag === GROUP) {
      named = true;
      if (u32(value, at + 4) === 0xffff_ffff) return "invalid";
    } else if (!SINGLE.has(tag) || seen.has(tag)) {
      return "invalid";
    }
    seen.add(tag);
    last = tag;
  }
  const complete = seen.has(USER_OBJ) && seen.has(GROUP_OBJ) && seen.has(OTHER);
  if (!complete || (named && !seen.has(MASK))) return "invalid";
  return named || seen.has(MASK) ? "extended" : "minimal";
}

/**
 * The access ACL of an inode after its mode was set. Extraction sets the mode last, and Linux then
 * copies the permissions into the ACL.
 *
 * @param value a valid extended ACL
 */
export function aclWithMode(value: ByteString, mode: number): ByteString {
  let out = value.slice(0, HEADER);
  for (let at = HEADER; at < value.length; at += ENTRY) {
    const tag = u16(value, at);
    let permission = u16(value, at + 2);
    if (tag === USER_OBJ) permission = (mode >> 6) & 7;
    else if (tag === MASK) permission = (mode >> 3) & 7;
    else if (tag === OTHER) permission = mode & 7;
    out += value.slice(at, at + 2) + String.fromCharCode(permission, 0) +
      value.slice(at + 4, at + ENTRY);
  }
  return out as ByteString;
}

function u16(value: ByteString, at: number): number {
  return value.charCodeAt(at) | (value.charCodeAt(at + 1) << 8);
}

function u32(value: ByteString, at: number): number {
  return (u16(value, at) | (u16(value, at + 2) << 16)) >>> 0;
}
