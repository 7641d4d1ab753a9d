/** Shows nodes of trees as text and as JSON. */
import {
  type ByteString,
  escapeForTerminal,
  secondsOf,
  type Timestamp,
  toHex,
} from "../bytes/mod.ts";
import { sha256 } from "../digest/mod.ts";
import { TYPE_LETTERS } from "../tree/internal.ts";
import type { Node, WhiteoutNode } from "../tree/mod.ts";

/** Type and permissions as ls prints them: `drwxr-xr-x`. */
export function formatMode(
  node: WhiteoutNode | Pick<Exclude<Node, WhiteoutNode>, "type" | "mode">,
): string {
  if (node.type === "whiteout") return "w---------";
  const { mode } = node;
  let out = TYPE_LETTERS[node.type];
  for (
    const [shift, special, letter] of [[6, 0o4000, "s"], [3, 0o2000, "s"], [
      0,
      0o1000,
      "t",
    ]] as const
  ) {
    const bits = mode >> shift & 7;
    out += bits & 4 ? "r" : "-";
    out += bits & 2 ? "w" : "-";
    out += mode & special ? (bits & 1 ? letter : letter.toUpperCase()) : bits & 1 ? "x" : "-";
  }
  return out;
}

/** A time in RFC 3339 with nanoseconds; outside the years 1 to 9999 as `@SECONDS` since the epoch. */
export function formatTime(time: Timestamp): string {
  const seconds = secondsOf(time);
  const ns = String(time.ns).padStart(9, "0");
  if (seconds < -62135596800n || seconds > 253402300799n) return `@${seconds}.${ns}`;
  return new Date(Number(seconds) * 1000).toISOString().replace(/\.000Z$/, `.${ns}Z`);
}

/** Size of a file in bytes, device numbers of a device, `0` for anything else. */
export function formatSize(node: Node): string {
  if (node.type === "file") return String(node.size);
  if (node.type === "char" || node.type === "block") return `${node.major}, ${node.minor}`;
  return "0";
}

/** Name of a node, with the target for a symbolic link: `name -> target`. */
export function formatName(name: ByteString, node: Node): string {
  const shown = escapeForTerminal(name);
  return node.type === "symlink" ? `${shown} -> ${escapeForTerminal(node.target)}` : shown;
}

/**
 * A node as JSON. Byte strings become text, with `\xNN` for each byte that is not printable UTF-8, as on the
 * terminal. xattr values are hexadecimal.
 */
export function nodeToJson(path: ByteString, node: Node): Record<string, unknown> {
  const head = { path: escapeForTerminal(path), type: node.type };
  if (node.type === "whiteout") return head;
  return {
    ...head,
    mode: node.mode.toString(8).padStart(4, "0"),
    uid: node.uid,
    gid: node.gid,
    mtime: formatTime(node.mtime),
    ...kindToJson(node),
    ...(node.xattrs.length === 0 ? {} : {
      xattrs: Object.fromEntries(
        node.xattrs.map(({ name, value }) => [escapeForTerminal(name), hex(value)]),
      ),
    }),
  };
}

function kindToJson(node: Exclude<Node, { type: "whiteout" }>): Record<string, unknown> {
  const group = node.type === "directory" || node.group === null
    ? {}
    : { linkGroup: escapeForTerminal(node.group) };
  switch (node.type) {
    case "file":
      return {
        size: node.size,
        digest: node.digest === null ? emptyDigest(node.size) : `sha256:${toHex(node.digest)}`,
        ...(node.locator === null
          ? {}
          : { layer: node.locator.source, extents: node.locator.extents }),
        ...group,
      };
    case "directory":
      return {
        ...(node.opaque ? { opaque: true } : {}),
        ...(node.implied ? { implied: true } : {}),
      };
    case "symlink":
      return { target: escapeForTerminal(node.target), ...group };
    case "char":
    case "block":
      return { major: node.major, minor: node.minor, ...group };
    case "fifo":
      return group;
  }
}

/** Digest of a file whose node has no digest: trees leave out the digest of an empty file. */
function emptyDigest(size: number): string | null {
  return size === 0 ? sha256(new Uint8Array(0)) : null;
}

function hex(value: ByteString): string {
  let out = "";
  for (let i = 0; i < value.length; i++) out += value.charCodeAt(i).toString(16).padStart(2, "0");
  return out;
}
