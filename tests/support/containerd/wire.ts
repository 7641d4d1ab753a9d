/**
 * Calls over a socket as another program makes them: messages of the test's own encoding, not of varve's schemas, and the
 * codes of gRPC as they come.
 */
import { Buffer } from "node:buffer";

/** What a field holds: text, bytes, a number, a message; several for a repeated one. */
export type WireValue =
  | string
  | Uint8Array
  | number
  | Wire
  | readonly (string | Wire)[];

/** A message: what stands in each field, by its number. */
export interface Wire {
  readonly [field: number]: WireValue | undefined;
}

/** Types of fields on the wire. */
const VARINT = 0;
const LENGTH = 2;

/** A map of texts as a repeated field. */
export function wireMap(entries: Readonly<Record<string, string>>): readonly Wire[] {
  return Object.entries(entries).map(([key, value]) => ({ 1: key, 2: value }));
}

/** Encodes a message. */
export function encodeWire(message: Wire): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  for (const [field, value] of Object.entries(message)) {
    const each = Array.isArray(value) ? value : [value];
    for (const one of each) if (one !== undefined) parts.push(...encodeField(Number(field), one));
  }
  return concat(parts);
}

function encodeField(field: number, value: Exclude<WireValue, readonly unknown[]>): Uint8Array[] {
  if (typeof value === "number") return [varint(field * 8 + VARINT), varint(value)];
  const bytes = typeof value === "string"
    ? new TextEncoder().encode(value)
    : value instanceof Uint8Array
    ? value
    : encodeWire(value);
  return [varint(field * 8 + LENGTH), varint(bytes.length), bytes];
}

function varint(value: number): Uint8Array {
  const out: number[] = [];
  for (let rest = value;;) {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    if (rest === 0) return Uint8Array.from([...out, low]);
    out.push(low + 128);
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** How a call ended. */
export interface WireAnswer {
  /** gRPC's code. */
  readonly code: number;
  /** What the server says about a failure. */
  readonly message: string;
  /** The messages that came, encoded; one for a unary method that succeeded. */
  readonly messages: readonly Uint8Array[];
}

/** A connection to a socket. */
export interface WireClient extends Disposable {
  /**
   * Calls a method and takes all that it answers.
   *
   * @param method full name, such as `containerd.services.snapshots.v1.Snapshots/Stat`
   * @param headers metadata of the call
   */
  call(
    method: string,
    message: Wire | Uint8Array,
    headers?: Readonly<Record<string, string>>,
  ): Promise<WireAnswer>;
}

/** Most bytes of a message, for this client: more than any server takes. */
const MOST = 64 * 1024 * 1024;

/** Connects to a socket. */
export async function wireClient(path: string): Promise<WireClient> {
  const { Client, credentials, Metadata, status } = await import("@grpc/grpc-js");
  const client = new Client(`unix:${path}`, credentials.createInsecure(), {
    "grpc.max_receive_message_length": MOST,
    "grpc.max_send_message_length": MOST,
    "grpc.enable_http_proxy": 0,
  });
  const same = (bytes: Uint8Array) => Buffer.from(bytes);
  return {
    async call(method, message, headers = {}) {
      const bytes = message instanceof Uint8Array ? message : encodeWire(message);
      const metadata = new Metadata();
      for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
      // On the wire a unary answer is a stream of one message.
      const call = client.makeServerStreamRequest(`/${method}`, same, same, bytes, metadata);
      const messages: Uint8Array[] = [];
      const ended = Promise.withResolvers<{ readonly code: number; readonly details: string }>();
      call.on("data", (part: Uint8Array) => messages.push(part));
      call.on("error", () => {});
      call.on("status", ended.resolve);
      const { code, details } = await ended.promise;
      return { code, message: code === status.OK ? "" : details, messages };
    },
    [Symbol.dispose]: () => client.close(),
  };
}
