import { VarveError } from "../errors.ts";
import { fileError } from "../linux/mod.ts";
import type { JobContext } from "../pool/mod.ts";
import type { LayerJobInput, LayerSource } from "./contract.ts";

/**
 * Bytes of one read. The pipeline works on one such chunk at a time, which fits the processor's
 * cache.
 */
const READ_BYTES = 256 * 1024;

/** Number of compressed bytes of a layer; `undefined` when it is not known before they are read. */
export function sourceSize({ source, expected }: LayerJobInput): number | undefined {
  return source.kind === "file" ? source.length : expected.size;
}

/**
 * Maximum number of compressed bytes that the layer may have; `undefined` when no size is known or
 * expected.
 */
export function promisedSize(input: LayerJobInput): number | undefined {
  const { source, expected: { size }, carriedIn } = input;
  const sizes = [size, carriedIn, source.kind === "file" ? source.length : undefined];
  const known = sizes.filter((size) => size !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/**
 * The compressed bytes of a layer: first the bytes that an earlier job kept, then the bytes of the
 * source. A chunk is valid until the next chunk is requested.
 *
 * @throws {VarveError} `E_TRUNCATED` when the file is too short, `E_SYSCALL`, `E_DENIED` when it cannot be read
 */
export function readSource(
  { source, target }: LayerJobInput,
  context: JobContext,
): AsyncIterable<Uint8Array> {
  const rest = source.kind === "stream" ? context.stream : readFile(source, context.signal);
  if (target.kind !== "files" || target.blob === null || !target.kept) return rest;
  const kept = { kind: "file", path: target.blob, offset: 0, length: target.kept } as const;
  return inTurn(readFile(kept, context.signal), rest);
}

async function* inTurn(
  first: AsyncIterable<Uint8Array>,
  second: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  yield* first;
  yield* second;
}

/** Reads a part of a file, one buffer ahead of the consumer. */
async function* readFile(
  source: LayerSource & { kind: "file" },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const { path, offset, length } = source;
  const action = `read layer from ${JSON.stringify(path)}`;
  const file = await openAt(path, offset, action);
  let left = length;
  const read = async (buffer: Uint8Array): Promise<Uint8Array> => {
    const count = await file.read(buffer.subarray(0, Math.min(buffer.length, left)))
      .catch((error) => Promise.reject(fileError(error, action, "read"))) ?? 0;
    if (count === 0) {
      throw new VarveError(
        "E_TRUNCATED",
        `Cannot ${action}: it ends ${left} bytes before the layer does`,
        { expected: offset + length, actual: offset + length - left },
      );
    }
    left -= count;
    return buffer.subarray(0, count);
  };
  let [next, other] = [new Uint8Array(READ_BYTES), new Uint8Array(READ_BYTES)];
  let ahead: Promise<Uint8Array> | null = null;
  try {
    while (left > 0 || ahead !== null) {
      const chunk: Uint8Array = await (ahead ?? read(next));
      signal.throwIfAborted();
      [next, other] = [other, next];
      ahead = left > 0 ? read(next) : null;
      // Prevents an unhandled rejection: a failure is thrown later, when the promise is awaited.
      ahead?.catch(() => {});
      yield chunk;
    }
  } finally {
    // The descriptor must stay open until a running read has ended.
    await ahead?.catch(() => {});
    file.close();
  }
}

async function openAt(path: string, offset: number, action: string): Promise<Deno.FsFile> {
  const file = await Deno.open(path).catch((error) => {
    throw fileError(error, action, "open");
  });
  try {
    if (offset > 0) await file.seek(offset, Deno.SeekMode.Start);
    return file;
  } catch (error) {
    file.close();
    throw fileError(error, action, "lseek");
  }
}
