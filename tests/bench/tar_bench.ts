/**
 * How fast the tar reader scans a layer in memory, headers only, in one thread,
 * beside npm's tar-stream in the same run. Prints JSON.
 *
 *     deno run -A tests/bench/tar_bench.ts [LAYER.tar]
 *
 * Without an archive it makes one of this machine's /usr with GNU tar, one
 * header an entry as engines write them, and cuts it to a few hundred megabytes.
 */
import { Buffer } from "node:buffer";
import { cpuUsage } from "node:process";
import { extract } from "npm:tar-stream@3.2.2";
import { type TarHandler, TarReader } from "../../lib/codec/tar/mod.ts";

const GOAL = { gigabytesPerSecond: 2, timesTarStream: 5 };
const ROUNDS = 15;
const MOST = 400 * 1024 * 1024;
/** Both readers get the bytes as a file stream of Node gives them. */
const CHUNK = 64 * 1024;

if (import.meta.main) {
  const bytes = Deno.args[0] !== undefined ? Deno.readFileSync(Deno.args[0]) : await machineLayer();
  const counts = await count(bytes);
  const ours: number[] = [];
  const whole: number[] = [];
  const theirs: number[] = [];
  // In turns, so that what else the machine does is the same for all.
  for (let i = 0; i < ROUNDS; i++) {
    ours.push(await time(() => scan(bytes, CHUNK)));
    whole.push(await time(() => scan(bytes, bytes.length)));
    theirs.push(await time(() => scanTarStream(bytes)));
  }
  const result = {
    bytes: bytes.length,
    ...counts,
    chunk: CHUNK,
    varve: figures(bytes, median(ours)),
    varveInOneChunk: figures(bytes, median(whole)),
    tarStream: figures(bytes, median(theirs)),
    timesTarStream: round(median(theirs) / median(ours)),
    goal: GOAL,
  };
  // deno-lint-ignore no-console -- a script: its result is its output
  console.log(JSON.stringify(result, null, 2));
  const slow = result.varve.gigabytesPerSecond < GOAL.gigabytesPerSecond ||
    result.timesTarStream < GOAL.timesTarStream;
  if (slow) Deno.exit(3);
}

/** A handler that looks at headers only. */
function counter(): TarHandler & { entries: number; names: number } {
  return {
    entries: 0,
    names: 0,
    entry(entry) {
      this.entries++;
      this.names += entry.path.length;
    },
    hole() {},
    endEntry() {},
  };
}

function scan(bytes: Uint8Array, step: number): number {
  const handler = counter();
  const reader = new TarReader(handler);
  for (let at = 0; at < bytes.length; at += step) reader.push(bytes.subarray(at, at + step));
  reader.end();
  return handler.entries;
}

function scanTarStream(bytes: Uint8Array): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let entries = 0;
  const parser = extract();
  parser.on("entry", (_header, stream, next) => {
    entries++;
    stream.on("end", () => next());
    stream.resume();
  });
  parser.on("finish", () => resolve(entries));
  parser.on("error", reject);
  let at = 0;
  const feed = (): void => {
    while (at < bytes.length) {
      const chunk = Buffer.from(
        bytes.buffer,
        bytes.byteOffset + at,
        Math.min(CHUNK, bytes.length - at),
      );
      at += chunk.length;
      if (!parser.write(chunk)) return void parser.once("drain", feed);
    }
    parser.end(undefined);
  };
  feed();
  return promise;
}

async function count(bytes: Uint8Array): Promise<{ entries: number }> {
  const entries = scan(bytes, CHUNK);
  const theirs = await scanTarStream(bytes);
  if (entries !== theirs) throw new Error(`varve finds ${entries} entries, tar-stream ${theirs}`);
  return { entries };
}

/** Milliseconds of this process, so that what else the machine does counts for little. */
async function time(run: () => unknown): Promise<number> {
  const start = cpuUsage();
  await run();
  const { user, system } = cpuUsage(start);
  return (user + system) / 1000;
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1] as number;
}

function figures(bytes: Uint8Array, ms: number): { ms: number; gigabytesPerSecond: number } {
  return { ms: round(ms), gigabytesPerSecond: round(bytes.length / ms / 1e6) };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** An archive of this machine's /usr/lib and /usr/share, cut behind a whole entry. */
async function machineLayer(): Promise<Uint8Array> {
  const tar = new Deno.Command("tar", {
    args: ["--format=gnu", "-C", "/", "-cf", "-", "usr/share", "usr/lib"],
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
  await tar.status.catch(() => undefined);
  return out.subarray(0, wholeEntries(out.subarray(0, length)));
}

/** The offset behind the last entry that is complete. */
function wholeEntries(bytes: Uint8Array): number {
  let end = 0;
  const reader = new TarReader({
    entry() {},
    hole() {},
    endEntry: () => end = Math.ceil(reader.position / 512) * 512,
  });
  reader.push(bytes);
  return end;
}
