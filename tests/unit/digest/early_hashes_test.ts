import { assertEquals } from "@std/assert";
import { EarlyHashes } from "../../../lib/digest/early_hashes.ts";
import { nodeHash, nodeHashHex, type RawHash } from "../../../lib/digest/node_crypto.ts";
import { prng } from "../../support/prng.ts";

const sha = () => nodeHash("sha256");
const never = (): RawHash => {
  throw new Error("node:crypto was asked for");
};

const random = (length: number) => prng(length).bytes(length);

Deno.test("early hashes are those of node:crypto, whole and in pieces", () => {
  const early = new EarlyHashes(2 ** 20);
  for (let length = 0; length < 300; length++) {
    const bytes = random(length);
    const expected = nodeHashHex("sha256", bytes);
    assertEquals(early.hex(bytes), expected);
    const hash = early.begin(never) as RawHash;
    hash.update(bytes.subarray(0, length / 3));
    hash.update(bytes.subarray(length / 3));
    assertEquals(hash.hex(), expected);
  }
});

Deno.test("a hash that becomes too long goes on with node:crypto, and ends all early hashes", () => {
  const bytes = random(5000);
  for (const first of [0, 1, 500, 999, 1000, 4999, 5000]) {
    const early = new EarlyHashes(1000);
    const hash = early.begin(sha) as RawHash;
    const piece = bytes.slice(0, first);
    hash.update(piece);
    piece.fill(0);
    hash.update(bytes.subarray(first, first + 10));
    hash.update(bytes.subarray(first + 10));
    assertEquals(hash.hex(), nodeHashHex("sha256", bytes), `${first}`);
    assertEquals([early.hex(bytes.subarray(0, 1)), early.begin(sha)], [undefined, undefined]);
  }
});

Deno.test("early hashes end after their bytes, also if all are short", () => {
  const early = new EarlyHashes(1000);
  let count = 0;
  while (early.hex(new Uint8Array(1)) !== undefined) count++;
  assertEquals(count, 15);
});

Deno.test("two hashes that begin early do not disturb each other", () => {
  const early = new EarlyHashes(1000);
  const bytes = random(1500);
  const [a, b] = [early.begin(sha) as RawHash, early.begin(sha) as RawHash];
  for (let at = 0; at < bytes.length; at += 100) {
    a.update(bytes.subarray(at, at + 100));
    b.update(bytes.subarray(at, at + 100));
  }
  assertEquals([a.hex(), b.hex()], Array(2).fill(nodeHashHex("sha256", bytes)));
});
