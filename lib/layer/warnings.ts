import { type ByteString, escapeForTerminal } from "../bytes/mod.ts";

/** What a {@linkcode Warning} can be about. */
export const WARNING_CODES = {
  /** Attributes that the overlay file system keeps for itself. */
  W_XATTR_OVERLAY: "overlay's own extended attributes were left out",
  /** `trusted.*`. */
  W_XATTR_TRUSTED: "trusted.* extended attributes were left out",
  /** `security.*` but capabilities. */
  W_XATTR_SECURITY: "extended attributes of this host's security modules were left out",
  /** `system.*` but ACLs. */
  W_XATTR_SYSTEM: "system.* extended attributes were left out",
  /** ACLs that do not parse, stand where none can, or say no more than the mode. */
  W_XATTR_ACL: "access control lists without effect were left out",
  /** `user.*` on what is neither file nor directory. */
  W_XATTR_USER: "user.* extended attributes of links and devices were left out",
  /** A namespace that Linux does not have. */
  W_XATTR_NAMESPACE: "extended attributes of another operating system were left out",
  /** What AUFS keeps beside the files. */
  W_AUFS: "AUFS metadata was left out",
  /** A character device 0:0, which overlay takes for a whiteout. */
  W_WHITEOUT_DEVICE: "character devices 0:0 were taken for whiteouts",
  /** Device nodes, by the policy. */
  W_DEVICE: "device nodes were left out",
  /** Sockets, which no archive can hold. */
  W_SOCKET: "sockets were left out",
  /** A path more than once. */
  W_DUPLICATE: "entries replaced earlier ones of the same path",
  /** A media type that names another compression than the bytes have. */
  W_MEDIA_TYPE: "the media type and the bytes disagree about the compression",
  /** Bytes other than NUL that stand between a file's end and the next header. */
  W_PADDING: "files are padded with other bytes than NULs",
} as const;

/** The code of a {@linkcode Warning}. */
export type WarningCode = keyof typeof WARNING_CODES;

/** Something that was dropped or looked odd, counted. */
export interface Warning {
  /** What it is. */
  readonly code: WarningCode;
  /** How often. */
  readonly count: number;
  /** The first case: a path, with the attribute's name where it is about one; escaped for a terminal. */
  readonly example: string;
}

/** Counts warnings; keeps the first example of each. */
export class WarningCounter {
  readonly #counts = new Map<WarningCode, { count: number; readonly example: string }>();

  /** Counts one; `path` as the archive says it. */
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

  /** All, sorted by code. */
  list(): readonly Warning[] {
    return [...this.#counts].map(([code, { count, example }]) => ({ code, count, example }))
      .sort((a, b) => a.code < b.code ? -1 : 1);
  }
}

/** A path for a message: long ones lose their middle. */
export function shorten(path: ByteString): ByteString {
  if (path.length <= 200) return path;
  return (path.slice(0, 120) + "..." + path.slice(-60)) as ByteString;
}
