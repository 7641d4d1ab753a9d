// Stand-in for `@std/streams` over the npm build of the same code: see tests/std/README.md.
// Only a part of the real package; the types are written here because npm has none.
import * as std from "npm:deno-std@1.4.0/streams/mod.js";

type Bytes = Uint8Array<ArrayBuffer>;

export const toArrayBuffer: (stream: ReadableStream<Uint8Array>) => Promise<ArrayBuffer> =
  std.toArrayBuffer;
export const toBlob: (stream: ReadableStream<Uint8Array>) => Promise<Blob> = std.toBlob;
export const toBytes: (stream: ReadableStream<Uint8Array>) => Promise<Bytes> = std.toBytes;
export const toJson: (stream: ReadableStream) => Promise<unknown> = std.toJson;
export const toText: (stream: ReadableStream) => Promise<string> = std.toText;

export const concatReadableStreams: <T>(...streams: ReadableStream<T>[]) => ReadableStream<T> =
  std.concatReadableStreams;
export const mergeReadableStreams: <T>(...streams: ReadableStream<T>[]) => ReadableStream<T> =
  std.mergeReadableStreams;
export const zipReadableStreams: <T>(...streams: ReadableStream<T>[]) => ReadableStream<T> =
  std.zipReadableStreams;
export const earlyZipReadableStreams: <T>(...streams: ReadableStream<T>[]) => ReadableStream<T> =
  std.earlyZipReadableStreams;

export const toTransformStream: <I, O>(
  transformer: (src: ReadableStream<I>) => Iterable<O> | AsyncIterable<O>,
  writableStrategy?: QueuingStrategy<I>,
  readableStrategy?: QueuingStrategy<O>,
) => TransformStream<I, O> = std.toTransformStream;

export interface LimitedBytesTransformStreamOptions {
  /** If true, an error is raised when the limit is exceeded; else the stream ends there. */
  error?: boolean;
}
export type LimitedBytesTransformStream = TransformStream<Bytes, Bytes>;
export const LimitedBytesTransformStream: new (
  size: number,
  options?: LimitedBytesTransformStreamOptions,
) => LimitedBytesTransformStream = std.LimitedBytesTransformStream;

export type LimitedTransformStreamOptions = LimitedBytesTransformStreamOptions;
export type LimitedTransformStream<T> = TransformStream<T, T>;
export const LimitedTransformStream: new <T>(
  size: number,
  options?: LimitedTransformStreamOptions,
) => LimitedTransformStream<T> = std.LimitedTransformStream;

export type ByteSliceStream = TransformStream<Bytes, Bytes>;
/** `end` is inclusive. */
export const ByteSliceStream: new (start?: number, end?: number) => ByteSliceStream =
  std.ByteSliceStream;

export type TextLineStream = TransformStream<string, string>;
export const TextLineStream: new (options?: { allowCR?: boolean }) => TextLineStream =
  std.TextLineStream;
