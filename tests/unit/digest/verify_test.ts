import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { concatReadableStreams, toBytes } from "@std/streams";
import { sha256, Verifier, VerifyingStream, verifyStream } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";

const bytes = new Uint8Array(1000).map((_, i) => i * 31);
const expected = { digest: sha256(bytes), size: bytes.length };

function streamOf(...pieces: Uint8Array[]): ReadableStream<Uint8Array> {
  return concatReadableStreams(...pieces.map((piece) => ReadableStream.from([piece])));
}

Deno.test("verifier accepts exactly the expected bytes, however they are split", () => {
  for (const step of [1, 7, 999, 1000]) {
    const verifier = new Verifier(expected);
    for (let i = 0; i < bytes.length; i += step) verifier.update(bytes.subarray(i, i + step));
    verifier.finish();
    assertEquals(verifier.size, 1000);
  }
});

Deno.test("F01 a flipped byte is E_DIGEST with both digests", () => {
  const bad = bytes.slice();
  bad[500] = bad[500]! ^ 1;
  const verifier = new Verifier({ ...expected, what: "layer" });
  verifier.update(bad);
  const error = assertThrows(() => verifier.finish(), VarveError);
  assertEquals(error.code, "E_DIGEST");
  assertEquals(error.details, { expected: expected.digest, actual: sha256(bad) });
  assertStringIncludes(error.message, `layer ${expected.digest}`);
});

Deno.test("F02 the size is checked before the digest", () => {
  const bad = bytes.slice(0, 999).fill(9);
  const short = new Verifier(expected);
  short.update(bad);
  const error = assertThrows(() => short.finish(), VarveError);
  assertEquals(error.code, "E_SIZE");
  assertEquals(error.details, { expected: 1000, actual: 999 });

  const long = new Verifier(expected);
  long.update(bytes);
  const more = assertThrows(() => long.update(new Uint8Array(1)), VarveError);
  assertEquals(more.code, "E_SIZE");
  assertEquals(more.details, { expected: 1000, actual: 1001 });
});

Deno.test("F02 an impossible size is the caller's mistake", () => {
  for (const size of [-1, 1.5, NaN, 2 ** 53, Infinity]) {
    assertThrows(() => new Verifier({ ...expected, size }), RangeError, "is not a size");
  }
  new Verifier({ digest: sha256(new Uint8Array(0)), size: 0 }).finish();
});

Deno.test("verifying stream passes the bytes on unchanged", async () => {
  const stream = streamOf(bytes.subarray(0, 400), bytes.subarray(400));
  assertEquals(await toBytes(stream.pipeThrough(verifyStream(expected))), bytes);
});

Deno.test("F02 verifying stream stops reading at the first byte too many", async () => {
  let pulled = 0;
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(300));
    },
    cancel() {
      cancelled = true;
    },
  });
  const stream = endless.pipeThrough(new VerifyingStream(expected));
  const error = await assertRejects(() => toBytes(stream), VarveError);
  assertEquals(error.code, "E_SIZE");
  assertEquals(cancelled, true);
  assertEquals(pulled <= 8, true, `pulled ${pulled} pieces`);
});

Deno.test("F01 verifying stream errors at the end when the digest differs", async () => {
  const stream = streamOf(bytes.slice().fill(1)).pipeThrough(new VerifyingStream(expected));
  const error = await assertRejects(() => toBytes(stream), VarveError);
  assertEquals(error.code, "E_DIGEST");
});
