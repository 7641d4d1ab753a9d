import { assertEquals } from "@std/assert";
import { compress, PIECE_BYTES } from "../../../lib/codec/compress/mod.ts";
import { sha256 } from "../../../lib/digest/mod.ts";
import { compressInPool } from "../../../lib/layer_job/internal.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { prng } from "../../support/prng.ts";

const PIECES = 8;
/** Pieces that each worker has memory for. */
const AHEAD = 2;

/** Bytes for {@linkcode PIECES} different pieces: noise, and every other one half noise. The last one is shorter. */
function content(length: number): Uint8Array<ArrayBuffer> {
  const bytes = prng(5).bytes(PIECES * length - 12_345);
  for (let i = 0; i < PIECES; i += 2) bytes.fill(i, i * length, (i + 0.5) * length);
  return bytes;
}

for (const format of ["gzip", "zstd"] as const) {
  for (const workers of [1, 2]) {
    Deno.test(`compressInPool to ${format}, ${workers} workers: the output of compress, in memory that is reused`, async () => {
      const bytes = content(PIECE_BYTES[format]);
      const options = { format, level: 1 };
      const taken: { view: Uint8Array; digest: string }[] = [];
      const made: Uint8Array[] = [];
      await using pool = createPool({ workers });
      for await (const view of compressInPool(pool, ReadableStream.from([bytes]), options)) {
        made.push(view.slice());
        if (view.buffer instanceof SharedArrayBuffer) taken.push({ view, digest: sha256(view) });
      }
      const expected = await Array.fromAsync(compress([bytes], options));
      assertEquals(made.map(sha256), expected.map(sha256));
      assertEquals(taken.length, PIECES);
      // The memory of all but the last ones was reused.
      const kept = taken.filter(({ view, digest }) => sha256(view) === digest);
      assertEquals(kept, taken.slice(-AHEAD * workers));
    });
  }
}
