import { type ByteString, escapeForTerminal } from "../bytes/mod.ts";

/** The codes of warnings, each with a text for people. */
export const WARNING_CODES = {
  /** Extended attributes that the overlay file system reserves for itself. */
  W_XATTR_OVERLAY: "overlay's own extended attributes were left out",
  /** Extended attributes in the namespace `trusted.*`. */
  W_XATTR_TRUSTED: "trusted.* extended attributes were left out",
  /** Extended attributes in `security.*`, except capabilities and what the policy keeps. */
  W_XATTR_SECURITY: "extended attributes of this host's security modules were left out",
  /** Extended attributes in `system.*`, except ACLs. */
  W_XATTR_SYSTEM: "system.* extended attributes were left out",
  /** ACLs that are malformed, on an inode that cannot have one, or equivalent to the mode. */
  W_XATTR_ACL: "access control lists without effect were left out",
  /**
   * Access control lists as text in a PAX header: lists of POSIX (`SCHILY.acl.access`) and of NFS
   * (`SCHILY.acl.ace`).
   */
  W_ACL_TEXT: "access control lists that are written as text were left out",
  /** Extended attributes in `user.*` on a node that is neither a file nor a directory. */
  W_XATTR_USER: "user.* extended attributes of links and devices were left out",
  /** Extended attributes in a namespace that Linux does not have. */
  W_XATTR_NAMESPACE: "extended attributes of another operating system were left out",
  /** Files in which AUFS keeps its own data, such as `.wh..wh.plnk`. */
  W_AUFS: "AUFS metadata was left out",
  /** Character devices 0:0, which overlay treats as whiteouts. */
  W_WHITEOUT_DEVICE: "character devices 0:0 were taken for whiteouts",
  /** Device nodes that the policy excludes. */
  W_DEVICE: "device nodes were left out",
  /** Sockets, which a tar archive cannot hold. */
  W_SOCKET: "sockets were left out",
  /** A path that occurs more than once. */
  W_DUPLICATE: "entries replaced earlier ones of the same path",
  /** A media type whose compression differs from that of the bytes. */
  W_MEDIA_TYPE: "the media type and the bytes disagree about the compression",
  /** Bytes other than NUL between the end of a file and the next header. */
  W_PADDING: "files are padded with other bytes than NULs",
  /** A tar that ends inside of the padding after its last entry. */
  W_CUT_PADDING: "the padding at the end of the tar is cut",
} as const;

/** The code of a {@linkcode Warning}. */
export type WarningCode = keyof typeof WARNING_CODES;

/** Something that was dropped or looked odd, with its number of cases. */
export interface Warning {
  /** Kind of warning; its text is in {@linkcode WARNING_CODES}. */
  readonly code: WarningCode;
  /** Number of cases. */
  readonly count: number;
  /**
   * The first case: a path, and the name of the attribute if the warning is about an attribute.
   * Escaped for a terminal.
   */
  readonly example: string;
}

/** Counts warnings, and keeps the first case of each code as an example. */
export class WarningCounter {
  readonly #counts = new Map<WarningCode, { count: number; readonly example: string }>();

  /**
   * Counts one case.
   *
   * @param path path of the entry, as stored in the archive
   * @param detail name of the attribute, if the warning is about an attribute
   */
  add(code: WarningCode, path: ByteString, detail?: ByteString): void {
    const seen = this.#counts.get(code);
    if (seen !== undefined) {
      seen.count++;
      return;
    }
    const where = escapeForTerminal(shorten(path));
    const example = detail === undefined
      ? where
      : `${where} (${escapeForTerminal(shorten(detail))})`;
    this.#counts.set(code, { count: 1, example });
  }

  /** All warnings, sorted by code. */
  list(): readonly Warning[] {
    return [...this.#counts].map(([code, { count, example }]) => ({ code, count, example }))
      .sort((a, b) => a.code < b.code ? -1 : 1);
  }
}

/** Shortens a path for a message: a long path loses its middle. */
export function shorten(path: ByteString): ByteString {
  if (path.length <= 200) return path;
  return (path.slice(0, 120) + "..." + path.slice(-60)) as ByteString;
}
