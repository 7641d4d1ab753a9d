/**
 * The bare work on a gzip layer, in a plain loop: inflate, hash what came, what comes out and each
 * file, write. Nothing is checked; a layer of plain headers is assumed. What varve is measured against.
 */
import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import type { Inflater } from "../../lib/codec/compress/mod.ts";
import { createNodeInflater } from "../../lib/codec/compress/node_zlib.ts";
import { isalInflaters } from "../../lib/linux/internal.ts";

/** What is done with a layer. */
export interface BareWork {
  readonly source: string;
  /** Where the tar goes; `null`: nothing is written and no file is hashed, the pure limit. */
  readonly target: string | null;
  readonly inflater: "zlib" | "isal";
}

/** What was done. */
export interface BareResult {
  readonly bytes: number;
  readonly files: number;
  readonly diffId: string;
}

const IN = 256 * 1024, OUT = 1024 * 1024;
/** Header of a gzip member without name. */
const GZIP_HEADER = 10;
const BLOCK = 512;

/** Does it. */
export function bareWork({ source, target, inflater: name }: BareWork): BareResult {
  const inflater = createInflater(name);
  const file = openSync(source, "r");
  const output = target === null ? null : openSync(target, "wx");
  const [input, buffer] = [new Uint8Array(IN), new Uint8Array(OUT)];
  const [came, comes] = [createHash("sha256"), createHash("sha256")];
  const files = new Files();
  let [filled, bytes] = [0, 0];
  const emit = (): void => {
    const piece = buffer.subarray(0, filled);
    bytes += filled;
    filled = 0;
    comes.update(piece);
    if (output === null) return;
    files.scan(piece);
    writeSync(output, piece);
  };
  inflater.reset();
  for (let first = true, ended = false; !ended; first = false) {
    const length = readSync(file, input, 0, IN, null);
    if (length === 0) break;
    came.update(input.subarray(0, length));
    for (let at = first ? GZIP_HEADER : 0;;) {
      ended = inflater.write(input, at, length, buffer, filled);
      at += inflater.consumed;
      filled += inflater.produced;
      if (filled === OUT) emit();
      else if (ended || at === length) break;
    }
  }
  emit();
  came.digest();
  inflater.close();
  closeSync(file);
  if (output !== null) closeSync(output);
  return { bytes, files: files.count, diffId: `sha256:${comes.digest("hex")}` };
}

function createInflater(name: "zlib" | "isal"): Inflater {
  if (name === "zlib") return createNodeInflater();
  const create = isalInflaters();
  if (typeof create === "string") throw new Error(`Cannot inflate by libisal: ${create}`);
  return create();
}

/** Hashes the files of a tar, looking at nothing but type and size. */
class Files {
  count = 0;
  readonly #header = new Uint8Array(BLOCK);
  #have = 0;
  #left = 0;
  #padding = 0;
  #hash: Hash | null = null;

  scan(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const rest = bytes.length - at;
      if (this.#left > 0) {
        const length = Math.min(this.#left, rest);
        (this.#hash ??= createHash("sha256")).update(bytes.subarray(at, at + length));
        at += length;
        this.#left -= length;
        if (this.#left > 0) continue;
        this.#hash.digest();
        this.#hash = null;
        this.count++;
      } else if (this.#padding > 0) {
        const length = Math.min(this.#padding, rest);
        at += length;
        this.#padding -= length;
      } else {
        const length = Math.min(BLOCK - this.#have, rest);
        this.#header.set(bytes.subarray(at, at + length), this.#have);
        this.#have += length;
        at += length;
        if (this.#have === BLOCK) this.#begin();
      }
    }
  }

  #begin(): void {
    this.#have = 0;
    let size = 0;
    for (let i = 124; i < 135; i++) {
      const digit = (this.#header[i] as number) - 0x30;
      if (digit >= 0) size = size * 8 + digit;
    }
    const type = String.fromCharCode(this.#header[156] as number);
    const padding = (BLOCK - size % BLOCK) % BLOCK;
    const isFile = type === "0" || type === "\0";
    const isMeta = type === "x" || type === "L" || type === "K";
    this.#left = isFile ? size : 0;
    this.#padding = isFile ? padding : isMeta ? size + padding : 0;
  }
}
