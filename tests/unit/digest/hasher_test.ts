import { assertEquals, assertFalse, assertThrows } from "@std/assert";
import {
  createHasher,
  type Digest,
  digestFromBytes,
  digestToBytes,
  equalDigests,
  isDigest,
  parseDigest,
  sha256,
  sha256Bytes,
} from "../../../lib/digest/mod.ts";
import { stdHash, stdHashHex } from "../../../lib/digest/std_crypto.ts";
import { VarveError } from "../../../lib/errors.ts";

const EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
// FIPS 180-4, the one-block example.
const ABC = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const ABC512 =
  "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a8" +
  "36ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
const abc = new TextEncoder().encode("abc");

Deno.test("hasher computes the published test vectors", () => {
  const hasher = createHasher();
  assertEquals<string>(createHasher().digest(), EMPTY);
  for (const byte of abc) hasher.update(new Uint8Array([byte]));
  assertEquals<string>(hasher.digest(), ABC);
  assertEquals(hasher.bytes(), digestToBytes(ABC as Digest));
  const long = createHasher("sha512");
  long.update(abc);
  assertEquals<string>(long.digest(), ABC512);
});

Deno.test("hasher returns its digest again, but cannot be updated again", () => {
  const hasher = createHasher();
  hasher.update(abc);
  assertEquals(hasher.digest(), hasher.digest());
  assertEquals(hasher.bytes().length, 32);
  assertThrows(() => hasher.update(abc), TypeError, "it was ended");
});

Deno.test("hasher keeps no reference to its input", () => {
  for (const hash of [createHasher(), fallback()]) {
    const bytes = new Uint8Array(abc);
    hash.update(bytes);
    bytes.fill(0);
    assertEquals<string>(hash.digest(), ABC);
  }
});

function fallback(): { update(bytes: Uint8Array): void; digest(): string } {
  const raw = stdHash("sha256");
  return { update: raw.update, digest: () => `sha256:${raw.hex()}` };
}

Deno.test("one-shot functions and the fallback agree with the hasher", () => {
  assertEquals<string>(sha256(abc), ABC);
  assertEquals(sha256Bytes(abc), digestToBytes(ABC as Digest));
  assertEquals(`sha256:${stdHashHex("sha256", [abc])}`, ABC);
  assertEquals(`sha512:${stdHashHex("sha512", [abc.subarray(0, 1), abc.subarray(1)])}`, ABC512);
});

Deno.test("hasher accepts views of shared memory", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(3));
  shared.set(abc);
  assertEquals<string>(sha256(shared), ABC);
  assertEquals(`sha256:${stdHashHex("sha256", [shared])}`, ABC);
});

Deno.test("digests are converted to bytes and back", () => {
  for (const text of [ABC, ABC512]) {
    const digest = parseDigest(text);
    const algorithm = text.startsWith("sha512") ? "sha512" : "sha256";
    assertEquals(digestFromBytes(digestToBytes(digest), algorithm), digest);
  }
  const error = assertThrows(() => digestFromBytes(new Uint8Array(31)), VarveError);
  assertEquals(error.code, "E_DIGEST_FORMAT");
});

Deno.test("equalDigests compares algorithm and bytes", () => {
  assertEquals(equalDigests(ABC as Digest, parseDigest(ABC)), true);
  assertFalse(equalDigests(ABC as Digest, EMPTY as Digest));
  assertFalse(equalDigests(ABC as Digest, ABC512 as Digest));
});

Deno.test("F03 malformed digests are refused at parse", () => {
  const hex = "a".repeat(64);
  for (
    const text of [
      "",
      "sha256",
      hex,
      `sha256:${hex.slice(1)}`,
      `sha256:${hex}a`,
      `sha256:${hex.toUpperCase()}`,
      `SHA256:${hex}`,
      `sha256:../../../etc/passwd`,
      `sha256:%2e%2e`,
      `sha256:${hex}\n`,
      ` sha256:${hex}`,
      `sha384:${"a".repeat(96)}`,
      `sha512:${hex}`,
      `md5:${"a".repeat(32)}`,
      `sha256:${"a".repeat(65536)}`,
      null,
      7,
      [`sha256:${hex}`],
    ]
  ) {
    assertFalse(isDigest(text), String(text).slice(0, 90));
    const error = assertThrows(() => parseDigest(text), VarveError);
    assertEquals(error.code, "E_DIGEST_FORMAT");
    assertEquals(error.message.length < 250, true);
  }
});
