// deno-lint-ignore-file no-unused-vars
import type { Tree } from "./tree.ts";

function later(): never {
  throw new Error("not yet");
}
export function encodeTree(tree: Tree): Uint8Array[] {
  return later();
}
export function decodeTree(bytes: Uint8Array): Tree {
  return later();
}
/** Where a stored tree is read from: one synchronous positioned read a block. */
export interface TreeSource {
  /** Length of the file in bytes. */
  readonly size: number;
  /** Reads exactly `length` bytes at `offset`. */
  readSync(offset: number, length: number): Uint8Array;
}
export function openTree(source: TreeSource): Tree {
  return later();
}
export function verifyTree(tree: Tree): void {
  return later();
}
