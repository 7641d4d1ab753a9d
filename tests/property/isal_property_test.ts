/** libisal against node:zlib: equal bytes always, equal verdicts but for the ones that are listed. */
import { assert, assertEquals } from "@std/assert";
import type { DecompressorOptions } from "../../lib/codec/compress/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { isalInflaters } from "../../lib/linux/internal.ts";
import { forSeeds, type Prng, prng } from "../support/prng.ts";
import { concat, inflate, member } from "../unit/codec/compress/support.ts";

// Opened before the first test, or the resource sanitizer calls it a leak.
const found = isalInflaters();
const peersRequired = Deno.env.get("VARVE_REQUIRE_PEERS") === "1";
if (typeof found === "string" && peersRequired) throw new Error(`needs libisal: ${found}`);
const ignore = typeof found === "string";
const createInflater = typeof found === "string" ? undefined : found;

type Bytes = Uint8Array<ArrayBuffer>;

/** What reading gives: the bytes, or the error. */
function outcome(
  pieces: readonly Uint8Array[],
  options: DecompressorOptions = {},
): Bytes | VarveError {
  try {
    return inflate(pieces, { compression: "gzip", ...options });
  } catch (error) {
    if (error instanceof VarveError) return error;
    throw error;
  }
}

function byIsal(
  pieces: readonly Uint8Array[],
  options: DecompressorOptions = {},
): Bytes | VarveError {
  return outcome(pieces, createInflater === undefined ? options : { ...options, createInflater });
}

/** Noise, runs, or a mixture, most of them small. */
function content(random: Prng): Bytes {
  const length = random.int(0, random.pick([2, 60, 700, 6000, 80_000]));
  const out = random.bytes(length);
  const alphabet = random.pick([1, 2, 16, 256]);
  for (let i = 0; i < length; i++) out[i]! %= alphabet;
  if (random.chance(0.3) && length > 10) out.copyWithin(length >> 1, 0);
  return out;
}

/** One to four members of any level (0 stores, short ones come with fixed codes), some with wrong trailers. */
function stream(random: Prng): { input: Bytes; output: Bytes } {
  const [input, output]: [Bytes[], Bytes[]] = [[], []];
  for (let i = random.int(1, 5); i > 0; i--) {
    const bytes = content(random);
    output.push(bytes);
    input.push(member(bytes, {
      level: random.int(0, 10),
      ...(random.chance(0.05) ? { crcError: 2 ** random.int(0, 31) } : {}),
      ...(random.chance(0.05) ? { lengthError: 2 ** random.int(0, 31) } : {}),
      ...(random.chance(0.1) ? { name: Uint8Array.of(65, 66) } : {}),
    }));
    if (random.chance(0.2)) input.push(new Uint8Array(random.int(1, 600)));
  }
  return { input: concat(...input), output: concat(...output) };
}

/** What libisal takes, or takes for the beginning of something longer, and zlib does not: see golden/differences.md. */
const LISTED = /invalid (?:distances|code lengths|literal\/lengths) set$/;

/** Whether two outcomes agree, or differ as listed. */
function agree(zlib: Bytes | VarveError, isal: Bytes | VarveError): void {
  if (zlib instanceof VarveError) {
    if (isal instanceof VarveError && isal.code === zlib.code) return;
    assert(LISTED.test(zlib.message), zlib.message);
    assert(!(isal instanceof VarveError) || isal.code === "E_TRUNCATED", String(isal));
    return;
  }
  if (isal instanceof VarveError) throw isal;
  assertEquals(isal, zlib);
}

Deno.test({
  name: "libisal: the same bytes as node:zlib, however cut, into buffers of any size",
  ignore,
  fn: () =>
    forSeeds(1000, (random) => {
      const { input, output } = stream(random);
      const expected = outcome([input]);
      if (!(expected instanceof VarveError)) assertEquals(expected, output);
      const step = random.pick(input.length > 5000 ? [700, 5000, 70_000] : [1, 3, 30, 700]);
      const buffer = new Uint8Array(random.pick(input.length > 5000 ? [999, 65_536] : [1, 7, 999]));
      agree(expected, byIsal(random.split(input, step)));
      agree(expected, byIsal([input], { nextBuffer: () => buffer }));
    }),
});

Deno.test({
  name: "libisal: the same verdict as node:zlib on damaged streams",
  ignore,
  fn: () =>
    forSeeds(1500, (random) => {
      const { input } = stream(random);
      for (let i = random.int(1, 4); i > 0; i--) {
        const at = random.int(0, input.length);
        if (random.chance(0.5)) input[at]! ^= 1 << random.int(0, 8);
        else input[at] = random.pick([0, 0x1f, 0x28, 0xff]);
      }
      const damaged = random.chance(0.3) ? input.subarray(0, random.int(0, input.length)) : input;
      agree(outcome([damaged]), byIsal(random.split(damaged, random.pick([30, 700, 70_000]))));
    }),
});

Deno.test({
  name:
    "libisal: cut at any byte it is truncated, and a wrong bit anywhere never gives other bytes",
  ignore,
  fn: () =>
    forSeeds(6, (random) => {
      const bytes = random.bytes(random.int(20, 150)).map((byte) => byte % 20);
      const input = member(bytes, { level: random.int(0, 10) });
      for (let length = 0; length < input.length; length++) {
        const cut = byIsal([input.subarray(0, length)]);
        assertEquals(
          cut instanceof VarveError ? cut.code : "OK",
          "E_TRUNCATED",
          `cut at ${length}`,
        );
      }
      for (let bit = 0; bit < 8 * input.length; bit++) {
        const wrong = input.slice();
        wrong[bit >> 3]! ^= 1 << (bit & 7);
        const got = byIsal([wrong]);
        agree(outcome([wrong]), got);
        if (!(got instanceof VarveError)) assertEquals(got, bytes, `bit ${bit}`);
      }
    }),
});

Deno.test({
  name: "libisal: the listed difference is one, and its bytes are those that were packed",
  ignore,
  fn: () => {
    const random = prng(0);
    const alphabet = (length: number) => random.bytes(length).map((x) => x % 20);
    let found = 0;
    for (let i = 0; i < 40; i++) {
      const bytes = alphabet(random.int(20, 150));
      const input = member(bytes, { level: 9 });
      for (let bit = 80; bit < 8 * Math.min(input.length - 8, 60); bit++) {
        const wrong = input.slice();
        wrong[bit >> 3]! ^= 1 << (bit & 7);
        const zlib = outcome([wrong]);
        const isal = byIsal([wrong]);
        if (!(zlib instanceof VarveError) || isal instanceof VarveError) continue;
        assert(LISTED.test(zlib.message), zlib.message);
        assertEquals(isal, bytes);
        found++;
      }
    }
    assert(found > 0, "it is no difference any more: take it from the list");
  },
});

Deno.test("where libisal is not fit, it says why", () => {
  const inflaters = isalInflaters();
  assertEquals(typeof inflaters === "string", ignore);
  assert(typeof inflaters === "function" || inflaters.length > 0);
});
