import type { ByteString } from "../../bytes/mod.ts";
import type { Xattr } from "../../tree/mod.ts";
import { parseDecimal } from "./numeric_fields.ts";
import { type RawHeader, tarError } from "./parse_header.ts";
import type { PaxHeader, PaxRecords } from "./pax.ts";

const SCHILY = "SCHILY.xattr.";
const SCHILY_ACL = "SCHILY.acl.";
const LIBARCHIVE = "LIBARCHIVE.xattr.";

/** The meta headers before the header of an entry. They apply only to that entry. */
export interface MetaHeaders {
  /** The last PAX header; `undefined` when there is none. */
  pax: PaxHeader | undefined;
  /** The GNU long name, empty when there is none. */
  longName: ByteString;
  /** The GNU long link target, empty when there is none. */
  longLink: ByteString;
}

/**
 * Applies meta headers to the header of their entry. A PAX value replaces the header's field,
 * unless the value is empty. A GNU long name or link replaces both the field and the PAX value.
 *
 * @throws {VarveError} `E_HEADER`, `E_ID` or `E_TIME` when a value is malformed
 */
export function applyMetaHeaders(header: RawHeader, meta: MetaHeaders, position: number): void {
  if (meta.pax !== undefined) {
    applyTimes(header, meta.pax, position);
    applyRecords(header, meta.pax.records, position);
  }
  if (meta.longName !== "") setPath(header, meta.longName);
  if (meta.longLink !== "") header.linkname = meta.longLink;
}

/** Replaces the path of a header. */
export function setPath(header: RawHeader, path: ByteString): void {
  header.path = path;
  header.slash = path.endsWith("/");
}

function applyTimes(header: RawHeader, pax: PaxHeader, position: number): void {
  const { mtime } = pax;
  if (mtime === null || pax.badAtime || pax.badCtime) {
    throw tarError(position, "a PAX time is malformed", "E_TIME");
  }
  if (mtime !== undefined) header.mtime = mtime;
}

function applyRecords(header: RawHeader, records: PaxRecords, position: number): void {
  for (const [key, value] of records) {
    if (value === "") continue;
    switch (key) {
      case "path":
        setPath(header, value);
        break;
      case "linkpath":
        header.linkname = value;
        break;
      case "uid":
        header.uid = decimal(value, position, "user id", "E_ID");
        break;
      case "gid":
        header.gid = decimal(value, position, "group id", "E_ID");
        break;
      case "size":
        header.size = decimal(value, position, "size", "E_HEADER");
        break;
    }
  }
}

function decimal(
  value: string,
  position: number,
  what: string,
  code: "E_ID" | "E_HEADER",
): number {
  const number = parseDecimal(value);
  if (number === undefined) throw tarError(position, `the PAX ${what} is not a number`, code);
  return number;
}

const NONE: readonly Xattr[] = [];

/**
 * Reads the extended attributes from PAX records, in the spellings of SCHILY and of libarchive.
 * When they disagree, SCHILY's value is used, because container engines know only that spelling.
 *
 * @throws {VarveError} `E_XATTR` when an attribute is malformed
 */
export function xattrsOf(records: PaxRecords | undefined, position: number): readonly Xattr[] {
  if (records === undefined || records.size === 0) return NONE;
  let found: Map<string, Xattr> | undefined;
  for (const [key, value] of records) {
    if (key.startsWith(SCHILY)) {
      const name = key.slice(SCHILY.length) as ByteString;
      (found ??= new Map()).set(name, { name, value });
    } else if (key.startsWith(LIBARCHIVE)) {
      const encoded = key.slice(LIBARCHIVE.length);
      const name = percentDecode(encoded);
      if (name.includes("\0")) {
        throw tarError(position, "the name of an xattr holds a NUL", "E_XATTR");
      }
      // bsdtar writes an xattr in both spellings, with the encoded name in both. The result must
      // not be two xattrs.
      if (records.has(SCHILY + name) || records.has(SCHILY + encoded)) continue;
      (found ??= new Map()).set(name, { name, value: base64Decode(value, position) });
    }
  }
  return found === undefined ? NONE : [...found.values()];
}

/**
 * The names of the PAX records in which star and bsdtar write an access control list as text.
 * Container engines ignore these records, and so does varve. The caller counts them.
 */
export function aclTextsOf(records: PaxRecords | undefined): readonly ByteString[] | undefined {
  if (records === undefined || records.size === 0) return undefined;
  const names = [...records.keys()].filter((key) => key.startsWith(SCHILY_ACL));
  return names.length === 0 ? undefined : names as ByteString[];
}

function percentDecode(text: string): ByteString {
  return text.replace(
    /%([0-9A-Fa-f]{2})/g,
    (_, hex) => String.fromCharCode(parseInt(hex, 16)),
  ) as ByteString;
}

function base64Decode(text: string, position: number): ByteString {
  try {
    return atob(text) as ByteString;
  } catch {
    throw tarError(position, "the value of an xattr is not base64", "E_XATTR");
  }
}
