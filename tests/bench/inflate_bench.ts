/**
 * How fast layers are decompressed, in one thread from memory, beside the two ways that the
 * runtime has, in the same run. Prints JSON; megabytes are of output.
 *
 *     deno run -A tests/bench/inflate_bench.ts [FILE]
 *
 * Without a file it takes a tar of this machine's /usr/lib.
 */
// deno-lint-ignore-file no-console
import { Buffer } from "node:buffer";
import { createGunzip, gzipSync, zstdCompressSync } from "node:zlib";
import { Decompressor } from "../../lib/codec/compress/mod.ts";
import { createHasher } from "../../lib/digest/mod.ts";
import { measure, type Timing } from "./harness.ts";

/** What the peers get at once, and the layer job too. */
const CHUNK = 256 * 1024;
const MOST = 200 * 1024 * 1024;
/** Times as fast as createGunzip. */
const GOAL = 1;

if (import.meta.main) {
  const content = Deno.args[0] === undefined
    ? await machineLayer()
    : Deno.readFileSync(Deno.args[0]);
  const gzip = new Uint8Array(gzipSync(content, { level: 6 }));
  const zstd = new Uint8Array(zstdCompressSync(content));
  const rate = (timing: Timing): number => Math.round(content.length / timing.median / 1000);
  const speed = async (fn: () => number | Promise<number>): Promise<number> => {
    const check = async (): Promise<void> => {
      const length = await fn();
      if (length !== content.length) throw new Error(`${length} bytes, not ${content.length}`);
    };
    return rate(await measure(check, { runs: 5 }));
  };
  const result = {
    bytes: content.length,
    gzipBytes: gzip.length,
    zstdBytes: zstd.length,
    chunk: CHUNK,
    megabytesPerSecond: {
      gzip: await speed(() => varve(gzip)),
      createGunzip: await speed(() => nodeGunzip(gzip)),
      decompressionStream: await speed(() => webGunzip(gzip)),
      gzipAndSha256InAndOut: await speed(() => varveHashed(gzip)),
      zstd: await speed(() => varve(zstd)),
    },
    goal: { timesCreateGunzip: GOAL },
  };
  console.log(JSON.stringify(result, null, 2));
  const { gzip: ours, createGunzip: theirs } = result.megabytesPerSecond;
  if (ours < GOAL * theirs) Deno.exit(1);
}

function varve(input: Uint8Array): number {
  let length = 0;
  const sink = (bytes: Uint8Array): void => void (length += bytes.length);
  using decompressor = new Decompressor();
  for (const chunk of chunks(input)) decompressor.push(chunk, sink);
  decompressor.end(sink);
  return length;
}

function varveHashed(input: Uint8Array): number {
  const [inside, outside] = [createHasher(), createHasher()];
  let length = 0;
  const sink = (bytes: Uint8Array): void => {
    outside.update(bytes);
    length += bytes.length;
  };
  using decompressor = new Decompressor();
  for (const chunk of chunks(input)) {
    inside.update(chunk);
    decompressor.push(chunk, sink);
  }
  decompressor.end(sink);
  inside.digest();
  outside.digest();
  return length;
}

function nodeGunzip(input: Uint8Array): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const gunzip = createGunzip({ chunkSize: CHUNK });
  let length = 0;
  gunzip.on("data", (piece: Uint8Array) => length += piece.length);
  gunzip.on("end", () => resolve(length));
  gunzip.on("error", reject);
  const source = chunks(input);
  const feed = (): void => {
    for (const chunk of source) {
      const more = gunzip.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
      if (!more) return void gunzip.once("drain", feed);
    }
    gunzip.end();
  };
  feed();
  return promise;
}

async function webGunzip(input: Uint8Array<ArrayBuffer>): Promise<number> {
  let length = 0;
  const source = ReadableStream.from(chunks(input));
  for await (const piece of source.pipeThrough(new DecompressionStream("gzip"))) {
    length += piece.length;
  }
  return length;
}

/** An iterable that goes on where it was left, unlike a generator in a `for` loop. */
function chunks<T extends Uint8Array>(input: T): IterableIterator<T> {
  let at = 0;
  const next = (): IteratorResult<T> => {
    if (at >= input.length) return { done: true, value: undefined };
    const value = input.subarray(at, at += CHUNK) as T;
    return { done: false, value };
  };
  const iterator: IterableIterator<T> = { next, [Symbol.iterator]: () => iterator };
  return iterator;
}

async function machineLayer(): Promise<Uint8Array> {
  const tar = new Deno.Command("tar", {
    args: ["-C", "/", "-cf", "-", "usr/lib"],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const out = new Uint8Array(MOST);
  let length = 0;
  for await (const chunk of tar.stdout) {
    const fits = chunk.subarray(0, MOST - length);
    out.set(fits, length);
    length += fits.length;
    if (length === MOST) break;
  }
  await tar.status;
  return out.subarray(0, length);
}
