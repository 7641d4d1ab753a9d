import type { ByteString } from "../bytes/mod.ts";
import type { Extent, FileNode, Node } from "./node.ts";

/**
 * Checks the name of an entry.
 *
 * @throws {RangeError} when no entry can have this name
 */
export function checkName(name: ByteString): void {
  const length = name.length;
  let bad = length === 0 || length > 0xffff;
  for (let i = 0; i < length; i++) {
    const char = name.charCodeAt(i);
    if (char === 0 || char === 0x2f || char > 0xff) bad = true;
  }
  if (length <= 2 && (name as string === "." || name as string === "..")) bad = true;
  if (bad) {
    throw new RangeError(
      "Cannot add node: its name is empty or too long, is . or .., or holds a NUL or a slash",
    );
  }
}

/**
 * Checks a node.
 *
 * @throws {RangeError} when no tree can hold the node
 */
export function checkNode(node: Node): void {
  if (node.type === "whiteout") return;
  const { uid, gid, mtime: { ns } } = node;
  if (uid >>> 0 !== uid || gid >>> 0 !== gid || !(ns >= 0 && ns < 1e9)) {
    throw new RangeError("Cannot take node: an id or a time is out of range");
  }
  if (node.type === "file") checkFile(node);
  if (
    (node.type === "char" || node.type === "block") &&
    !(node.major >= 0 && node.major < 1 << 12 && node.minor >= 0 && node.minor < 1 << 20)
  ) {
    throw new RangeError(`Cannot take node: device ${node.major}:${node.minor} is out of range`);
  }
  if (node.type === "symlink" && node.target.length === 0) {
    throw new RangeError("Cannot take node: a symbolic link without a target");
  }
}

function checkFile({ size, digest, locator }: FileNode): void {
  if (!(size >= 0 && Number.isSafeInteger(size))) {
    throw new RangeError(`Cannot take node: size ${size} is not a safe integer`);
  }
  if (digest !== null) checkDigest(size, digest);
  if (locator !== null) checkExtents(size, locator.extents);
}

/**
 * Checks that a file of this size can have this digest.
 *
 * @throws {RangeError} when the digest does not fit the size
 */
export function checkDigest(size: number, digest: Uint8Array | null): void {
  if (size > 0 ? digest?.length !== 32 : digest !== null) {
    throw new RangeError("Cannot set content: a digest has 32 bytes, and an empty file has none");
  }
}

/**
 * Checks that the extents fit a file of this size.
 *
 * @throws {RangeError} when the extents do not fit the size
 */
export function checkExtents(size: number, extents: readonly Extent[]): void {
  let end = 0;
  for (const { logical, length, position } of extents) {
    if (
      !(logical >= end && length > 0 && logical + length <= size &&
        Number.isSafeInteger(position) && position >= 0)
    ) {
      throw new RangeError("Cannot set content: extents overlap, are empty or exceed the size");
    }
    end = logical + length;
  }
}
