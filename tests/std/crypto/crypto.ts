// The npm build lacks the WebAssembly part, so this much is our own, with the signature of
// the real package, for the four algorithms that WebCrypto and node:crypto share.
import { createHash } from "node:crypto";

/** The algorithms of this stand-in, under the names of the real package. */
export const DIGEST_ALGORITHM_NAMES = ["SHA-1", "SHA-256", "SHA-384", "SHA-512"] as const;
export type DigestAlgorithmName = typeof DIGEST_ALGORITHM_NAMES[number];
export type DigestAlgorithmObject = { name: DigestAlgorithmName; length?: number };
export type DigestAlgorithm = DigestAlgorithmName | DigestAlgorithmObject;

export interface StdSubtleCrypto extends SubtleCrypto {
  digest(
    algorithm: DigestAlgorithm,
    data: BufferSource | AsyncIterable<BufferSource> | Iterable<BufferSource>,
  ): Promise<ArrayBuffer>;
  digestSync(
    algorithm: DigestAlgorithm,
    data: BufferSource | Iterable<BufferSource>,
  ): ArrayBuffer;
}

export interface StdCrypto extends Crypto {
  readonly subtle: StdSubtleCrypto;
}

function isBufferSource(data: unknown): data is BufferSource {
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data);
}

function toBytes(data: BufferSource): Uint8Array {
  return data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function newHash(algorithm: DigestAlgorithm): ReturnType<typeof createHash> {
  const name = (typeof algorithm === "string" ? algorithm : algorithm.name).toUpperCase();
  if (!(DIGEST_ALGORITHM_NAMES as readonly string[]).includes(name)) {
    throw new TypeError(`Cannot digest the data: unknown algorithm ${name}`);
  }
  return createHash(name.replace("-", "").toLowerCase());
}

function finish(hash: ReturnType<typeof createHash>): ArrayBuffer {
  return new Uint8Array(hash.digest()).buffer;
}

function digestSync(
  algorithm: DigestAlgorithm,
  data: BufferSource | Iterable<BufferSource>,
): ArrayBuffer {
  const hash = newHash(algorithm);
  for (const chunk of isBufferSource(data) ? [data] : data) hash.update(toBytes(chunk));
  return finish(hash);
}

async function digest(
  algorithm: DigestAlgorithm,
  data: BufferSource | AsyncIterable<BufferSource> | Iterable<BufferSource>,
): Promise<ArrayBuffer> {
  const hash = newHash(algorithm);
  for await (const chunk of isBufferSource(data) ? [data] : data) hash.update(toBytes(chunk));
  return finish(hash);
}

const web = globalThis.crypto;
const subtle = new Proxy(web.subtle, {
  get(target, key): unknown {
    if (key === "digest") return digest;
    if (key === "digestSync") return digestSync;
    const value: unknown = Reflect.get(target, key, target);
    return typeof value === "function" ? value.bind(target) : value;
  },
}) as StdSubtleCrypto;

export const crypto: StdCrypto = {
  getRandomValues: web.getRandomValues.bind(web),
  randomUUID: web.randomUUID.bind(web),
  subtle,
};
