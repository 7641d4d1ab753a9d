// Tree files are read from a disk that others may have written to: whatever they hold, reading ends, with a clear error.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromHex } from "../../lib/bytes/mod.ts";
import { type Digest, hexOf, sha256 } from "../../lib/digest/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { applyLayer, diffLayer } from "../../lib/layer/mod.ts";
import {
  decodeTree,
  emptyTree,
  encodeTree,
  openTree,
  type Tree,
  TreeBuilder,
  verifyTree,
  walk,
} from "../../lib/tree/mod.ts";
import { prng } from "../support/prng.ts";
import { b, dir, file, symlink } from "../support/trees/tree_nodes.ts";

const HEADER = 16;
const TAIL = 48;

/** A file whose hashes can be made right again after a change: root block first or second, one directory. */
class Forgery {
  readonly u8: Uint8Array<ArrayBuffer>;
  readonly u32: Uint32Array;
  /** Words of the blocks. */
  readonly leaf: number;
  readonly root: number;
  readonly footer: number;

  constructor(tree: Tree) {
    this.u8 = new Uint8Array(encodeTree(tree).flatMap((piece) => [...piece]));
    this.u32 = new Uint32Array(this.u8.buffer);
    const { length } = this.u8;
    const footerBytes = this.u32[(length - 16) / 4] as number;
    this.footer = (length - TAIL - footerBytes) / 4;
    this.root = HEADER / 4 + (this.u32[this.footer + 1] as number) * 2;
    const side = this.root + 4 + (this.u32[this.root + 1] as number) / 4;
    this.leaf = HEADER / 4 + (this.u32[side + 1] as number) * 2;
  }

  /** Words of a block. */
  words(block: number): number {
    return (this.u32[block] as number) / 4;
  }

  #hash(from: number, words: number, to: number): void {
    const digest: Digest = sha256(this.u8.subarray(from * 4, (from + words) * 4));
    this.u8.set(fromHex(hexOf(digest)), to * 4);
  }

  #sum(block: number): void {
    const { u32 } = this;
    if (block + this.words(block) > u32.length) throw new RangeError("a length that is no length");
    let sum = 0x811c9dc5;
    const from = block + 4 + (u32[block + 1] as number) / 4;
    for (let i = from; i < block + this.words(block); i++) {
      sum = Math.imul(sum ^ (u32[i] as number), 0x01000193);
    }
    u32[block + 2] = sum >>> 0;
  }

  /** Makes all sums and hashes right, as far as the lengths still make sense. */
  seal(): Uint8Array<ArrayBuffer> {
    const { u32, leaf, root, footer } = this;
    const hashed = (u32[leaf + 1] as number) >>> 2;
    if (hashed < 1 << 16) {
      this.#sum(leaf);
      this.#hash(leaf + 4, hashed, root + 4 + 1 + 10);
    }
    this.#sum(root);
    this.#hash(root + 4, (u32[root + 1] as number) / 4, footer + 3);
    const words = (this.u8.length - TAIL) / 4 - footer;
    this.#hash(footer, words, footer + words);
    return this.u8;
  }
}

function sample(kind: "layer" | "root"): Tree {
  const builder = new TreeBuilder({ kind });
  const xattrs = [{ name: b("user.a"), value: b("1") }, { name: b("user.b"), value: b("22222") }];
  builder.put(0, b("dir"), dir({ xattrs }));
  builder.put(0, b("file"), file(5, 3, { xattrs }));
  const extents = [{ logical: 0, length: 1, position: 5 }, { logical: 3, length: 2, position: 9 }];
  builder.content(builder.put(0, b("sparse"), file(9, 3)), new Uint8Array(32).fill(4), extents);
  builder.link(0, b("zz"), builder.child(0, b("file")));
  builder.put(0, b("link"), symlink("a/b/c"));
  builder.put(0, b("dev"), { ...symlink("x"), type: "char", major: 1, minor: 3 });
  if (kind === "layer") builder.put(0, b("gone"), { type: "whiteout" });
  return builder.finish(sha256(new Uint8Array()) as never);
}

/** Reads a file in both ways and uses what comes; true when it was accepted. */
function tries(bytes: Uint8Array, what: string): boolean {
  let accepted = 0;
  for (
    const read of [
      decodeTree,
      (all: Uint8Array) =>
        openTree({ size: all.length, readSync: (at, length) => all.slice(at, at + length) }),
    ]
  ) {
    try {
      const tree = read(bytes);
      let seen = 0;
      for (const _ of walk(tree)) seen++;
      assertEquals(seen, tree.count, what);
      verifyTree(tree);
      if (tree.kind === "root") assertEquals(diffLayer(emptyTree("root"), tree).count, tree.count);
      else applyLayer(emptyTree("root"), tree);
      decodeTree(new Uint8Array(encodeTree(tree).flatMap((piece) => [...piece])));
      accepted++;
    } catch (error) {
      const known = error instanceof VarveError && ["E_FORMAT", "E_DIGEST"].includes(error.code);
      if (!known) throw new Error(what, { cause: error });
    }
  }
  assert(accepted !== 1, `${what}: one reader accepts it, the other does not`);
  return accepted === 2;
}

Deno.test("a forgery without a change is accepted", () => {
  for (const kind of ["layer", "root"] as const) {
    assert(tries(new Forgery(sample(kind)).seal(), "no change"));
  }
});

Deno.test("forged blocks with right hashes are refused, or mean what they say", () => {
  let refused = 0;
  for (let seed = 0; seed < 4000; seed++) {
    const r = prng(seed);
    const forgery = new Forgery(sample(r.chance(0.5) ? "layer" : "root"));
    const { u32, u8, leaf } = forgery;
    for (let i = r.int(1, 3); i > 0; i--) {
      const at = leaf + r.int(0, forgery.words(leaf));
      const what = r.int(0, 5);
      if (what === 0) u32[at] = r.int(0, 8);
      else if (what === 1) u32[at] = r.next();
      else if (what === 2) u32[at] = (u32[at] as number) + r.int(0, 9) - 4;
      else if (what === 3) u32[at] = (u32[at] as number) ^ (1 << r.int(0, 32));
      else u8[at * 4 + r.int(0, 4)] = r.int(0, 256);
      // Without a length the forger does not know where to go on; the reader does.
      if (forgery.words(leaf) < 1 || forgery.words(leaf) > 1 << 12) break;
    }
    let bytes = u8;
    try {
      bytes = forgery.seal();
    } catch {
      // The hashes stay wrong: that must be refused too.
    }
    if (!tries(bytes, `seed ${seed}`)) refused++;
  }
  assert(refused > 2500 && refused < 4000, `${refused} of 4000 were refused`);
});

Deno.test("forged roots and footers are refused", () => {
  for (let seed = 0; seed < 2000; seed++) {
    const r = prng(seed + 10_000);
    const forgery = new Forgery(sample(r.chance(0.5) ? "layer" : "root"));
    const { u32, root, footer } = forgery;
    const inRoot = r.chance(0.5);
    const from = inRoot ? root : footer;
    const words = inRoot ? forgery.words(root) : u32.length - footer;
    const at = from + r.int(0, words);
    u32[at] = [r.int(0, 8), r.next(), (u32[at] as number) ^ (1 << r.int(0, 32))][r.int(0, 3)]!;
    let bytes = forgery.u8;
    try {
      bytes = forgery.seal();
    } catch {
      // As above.
    }
    tries(bytes, `seed ${seed}`);
  }
});

Deno.test("a directory that holds itself, or says more than the file can hold, is refused", () => {
  const builder = new TreeBuilder({ kind: "root" });
  builder.put(builder.put(0, b("d"), dir()), b("x"), file());
  const tree = builder.finish(null);
  const self = new Forgery(tree);
  const side = self.leaf + 4 + (self.u32[self.leaf + 1] as number) / 4;
  self.u32[side + 1] = (self.leaf - HEADER / 4) / 2;
  self.u32[side + 2] = self.u32[self.leaf] as number;
  assertEquals(tries(self.seal(), "itself"), false);

  const bomb = new Forgery(tree);
  bomb.u32[bomb.root + 5 + 8] = 1_000_000;
  const error = assertThrows(() => decodeTree(bomb.seal()), VarveError);
  assertEquals(error.code, "E_FORMAT");
});

Deno.test("lengths are checked before anything is read or kept", () => {
  const asked: number[] = [];
  const lying = {
    size: 2 ** 50,
    readSync(_at: number, length: number) {
      asked.push(length);
      return new Uint8Array(length).fill(0xff);
    },
  };
  assertEquals(assertThrows(() => openTree(lying), VarveError).code, "E_FORMAT");
  for (const size of [0, 1, 47, 100, NaN]) {
    const error = assertThrows(() => openTree({ ...lying, size }), VarveError);
    assertEquals(error.code, "E_FORMAT");
  }
  assert(asked.every((length) => length <= 4096), `asked for ${asked}`);
  const short = encodeTree(emptyTree("root")).flatMap((piece) => [...piece]);
  const cut = { size: short.length, readSync: () => new Uint8Array(3) };
  assertEquals(assertThrows(() => openTree(cut), VarveError).code, "E_FORMAT");
});
