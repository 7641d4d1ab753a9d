/** Random trees whose files have content: layers of random bytes, digests that are true. */
import type { ByteString } from "../../../lib/bytes/mod.ts";
import type { ErofsImage, ReadLayer } from "../../../lib/codec/erofs/mod.ts";
import { type DiffId, sha256Bytes } from "../../../lib/digest/mod.ts";
import type { Extent, FileNode, Node, Xattr } from "../../../lib/tree/mod.ts";
import { prng } from "../prng.ts";
import { isDirectory, type Item, item } from "./model_tree.ts";
import { type Random, randomModel } from "./random_tree.ts";

/** Three layers of random bytes. */
export const LAYERS: ReadonlyMap<DiffId, Uint8Array> = new Map(
  ["11", "22", "33"].map((byte, i) => [
    `sha256:${byte.repeat(32)}` as DiffId,
    prng(i).bytes(1 << 18),
  ]),
);

/** Reads the bytes of {@linkcode LAYERS}. */
export const readLayer: ReadLayer = (source, position, length) => {
  const layer = LAYERS.get(source);
  if (layer === undefined) throw new Error(`no layer ${source}`);
  return layer.subarray(position, position + length);
};

/** The bytes of an image. */
export function bytesOf(image: ErofsImage): Uint8Array {
  const out = new Uint8Array(image.size);
  let at = 0;
  image.write((bytes) => {
    out.set(bytes, at);
    at += bytes.length;
  });
  if (at !== image.size) throw new Error(`wrote ${at} bytes, planned ${image.size}`);
  return out;
}

/** The content of a file, put together from its extents. */
export function contentOf(source: DiffId, size: number, extents: readonly Extent[]): Uint8Array {
  const out = new Uint8Array(size);
  for (const { logical, length, position } of extents) {
    out.set(readLayer(source, position, length), logical);
  }
  return out;
}

const SIZES = [1, 511, 512, 513, 4096, 5000, 70_000];

function randomExtents(r: Random, size: number): Extent[] {
  const block = 512 * r(200);
  const position = r(6) === 0 ? block + r(512) : block;
  if (size < 3 || r(3) > 0) return [{ logical: 0, length: size, position }];
  // Sparse: data and holes in turn, in steps of one kind.
  const step = [1, 100, 512, 4096][r(4)] as number;
  const extents: Extent[] = [];
  let at = 0;
  let from = position;
  while (at < size && extents.length < 20) {
    at += step * r(3);
    const length = Math.min(step * (1 + r(3)), size - at);
    if (length <= 0) break;
    extents.push({ logical: at, length, position: from });
    at += length;
    from += length;
  }
  return extents;
}

function randomContent(r: Random, node: FileNode): FileNode {
  if (node.size === 0) return { ...node, locator: null };
  const size = SIZES[r(SIZES.length)] as number;
  const source = [...LAYERS.keys()][r(3)] as DiffId;
  const extents = randomExtents(r, size);
  const digest = sha256Bytes(contentOf(source, size, extents));
  return { ...node, size, digest, locator: { source, extents } };
}

const CAPABILITY = `\x01\x00\x00\x02\x00\x20${"\x00".repeat(14)}`;

function acl(...entries: readonly (readonly [tag: number, perm: number, id: number])[]): string {
  return "\x02\x00\x00\x00" +
    entries.map(([tag, perm, id]) =>
      String.fromCharCode(tag, 0, perm, 0) +
      (id < 0 ? "\xff\xff\xff\xff" : String.fromCharCode(id & 0xff, id >> 8, 0, 0))
    ).join("");
}

/** Xattrs that the kernel shows with unchanged names and values. */
const XATTRS: readonly (readonly [string, string])[] = [
  ["security.capability", CAPABILITY],
  [
    "system.posix_acl_access",
    acl([1, 7, -1], [2, 5, 1000], [4, 5, -1], [16, 7, -1], [32, 1, -1]),
  ],
  ["system.posix_acl_default", acl([1, 7, -1], [4, 5, -1], [32, 0, -1])],
  ["trusted.t", "v".repeat(300)],
  ["user.long", "w".repeat(2000)],
  ["user.x", ""],
];

/** The xattrs of a random node that one of its type can have. */
function xattrsOf(r: Random, node: Exclude<Node, { type: "whiteout" }>): Xattr[] {
  const own: readonly (readonly [string, string])[] = r(4) > 0
    ? node.xattrs.map(({ name, value }) =>
      [name, name === "security.capability" ? CAPABILITY : value] as const
    )
    : XATTRS.filter(() => r(2) === 0);
  return own.filter(([name]) => {
    if (name === "system.posix_acl_default") return node.type === "directory";
    if (/^(user|system)\./.test(name)) return node.type === "directory" || node.type === "file";
    return true;
  }).map(([name, value]) => ({ name: name as ByteString, value: value as ByteString }));
}

const NAMES = ["!", "-", " ", ".a", ".-", "..", "...", "..-", "n".repeat(255), "\xff", ".\x01"];

/** A random model in which every file can be written: odd names, long targets, xattrs, content. */
export function contentModel(r: Random, kind: "layer" | "root", size: number): Item {
  const root = randomModel(r, kind, size);
  const seen = new Set<unknown>();
  const visit = (it: Item): void => {
    if (seen.has(it.inode)) return;
    seen.add(it.inode);
    it.inode.node = embellish(r, it.inode.node);
    for (const child of it.children.values()) visit(child);
    if (!isDirectory(it) || r(3) > 0) return;
    for (let i = r(20); i > 0; i--) {
      const name = r(2) === 0 ? NAMES[r(NAMES.length)] as string : `file-${r(1000)}`;
      if (name === ".." || it.children.has(name)) continue;
      const target = "t".repeat(1 + r([10, 600, 4095][r(3)] as number)) as ByteString;
      it.children.set(name, item({ ...PLAIN, type: "symlink", group: null, target }));
    }
  };
  visit(root);
  return root;
}

const PLAIN = { mode: 0o777, uid: 0, gid: 0, mtime: { lo: 3, hi: 0, ns: 0 }, xattrs: [] };

function embellish(r: Random, node: Node): Node {
  if (node.type === "whiteout" || node.type === "directory" && node.implied) return node;
  const bare = { ...node, xattrs: xattrsOf(r, node) };
  if (bare.type === "symlink") return { ...bare, mode: 0o777 };
  // A device of number 0 is a whiteout to overlayfs.
  if (bare.type === "char") return { ...bare, major: bare.major || 1 };
  return bare.type === "file" ? randomContent(r, bare) : bare;
}

/** The model without the mark of implied directories, which an image does not record. */
export function withoutImplied(it: Item): Item {
  const { node } = it.inode;
  if (node.type === "directory") it.inode.node = { ...node, implied: false };
  for (const child of it.children.values()) withoutImplied(child);
  return it;
}
