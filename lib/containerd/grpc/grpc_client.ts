import { Buffer } from "node:buffer";
import {
  create,
  type DescMessage,
  type DescMethodBiDiStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { Client, ClientDuplexStream, Metadata } from "@grpc/grpc-js";
import { sleep } from "../../linux/mod.ts";
import { errorOf } from "./error_of.ts";
import { MAX_MESSAGE } from "./limits.ts";
import { loadGrpc } from "./load_grpc.ts";

/** Bytes that a peer may send ahead. grpc-js's own 64 KiB make the reading of blobs half as fast. */
const WINDOW = 8 * 1024 * 1024;

/** Milliseconds between two attempts to connect. */
const BACKOFF = {
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1_000,
};

/** Milliseconds that a call waits for a connection that was lost: longer than the longest pause, which varies by a fifth. */
const RECONNECT = 1_500;

/** Milliseconds between two looks at the connection. */
const PAUSE = 10;

/** What a call sends beside its request. */
export interface CallOptions {
  readonly namespace?: string | undefined;
  readonly lease?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A call in two directions, request by request. Disposing it cancels what is not over. */
export interface Exchange<Input extends DescMessage, Output extends DescMessage>
  extends Disposable {
  /** Sends a request and waits for the next answer. */
  ask(request: MessageInitShape<Input>): Promise<MessageShape<Output>>;
}

/**
 * Calls to the server behind a Unix socket. It connects at the first call, and again after the server was away: a call in
 * the pause after an attempt that failed waits for the next one.
 */
export interface GrpcClient extends Disposable {
  /** One request, one answer. */
  unary<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageInitShape<Input>,
    options?: CallOptions,
  ): Promise<MessageShape<Output>>;
  /** One request, many answers, no more of them ahead than the window holds. */
  stream<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodServerStreaming<Input, Output>,
    request: MessageInitShape<Input>,
    options?: CallOptions,
  ): AsyncIterable<MessageShape<Output>>;
  /** Many requests, an answer to each. */
  exchange<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodBiDiStreaming<Input, Output>,
    options?: CallOptions,
  ): Promise<Exchange<Input, Output>>;
}

/**
 * Makes a client. All its methods throw the errors of `errorOf`, or the signal's reason untouched.
 *
 * @param path absolute path of the socket
 */
export async function createGrpcClient(path: string): Promise<GrpcClient> {
  const grpc = await loadGrpc();
  const client = new grpc.Client(`unix:${path}`, grpc.credentials.createInsecure(), {
    "grpc.max_receive_message_length": MAX_MESSAGE,
    "grpc.max_send_message_length": MAX_MESSAGE,
    "grpc-node.flow_control_window": WINDOW,
    // A proxy of the environment is not for a Unix socket.
    "grpc.enable_http_proxy": 0,
    ...BACKOFF,
  });
  const isPausing = () =>
    client.getChannel().getConnectivityState(false) ===
      grpc.connectivityState.TRANSIENT_FAILURE;
  return new SocketClient(path, client, { metadata: () => new grpc.Metadata(), isPausing });
}

/** What of grpc-js is only there once it is loaded. */
interface LoadedParts {
  /** Makes empty metadata. */
  metadata(): Metadata;
  /** Whether the last attempt to connect failed, and none has succeeded since. */
  isPausing(): boolean;
}

class SocketClient implements GrpcClient {
  readonly #path: string;
  readonly #client: Client;
  readonly #parts: LoadedParts;

  constructor(path: string, client: Client, parts: LoadedParts) {
    this.#path = path;
    this.#client = client;
    this.#parts = parts;
  }

  async unary<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageInitShape<Input>,
    options: CallOptions = {},
  ): Promise<MessageShape<Output>> {
    await this.#connected(options.signal);
    const { promise, resolve, reject } = Promise.withResolvers<MessageShape<Output>>();
    const call = this.#client.makeUnaryRequest(
      pathOf(method),
      (message: MessageShape<Input>) => encode(method.input, message),
      (bytes) => fromBinary(method.output, bytes),
      create(method.input, request),
      this.#headers(options),
      (error, answer) => error === null ? resolve(answer as MessageShape<Output>) : reject(error),
    );
    using _ = cancelWith(options.signal, call);
    return await this.#translated(method, options, () => promise);
  }

  async *stream<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodServerStreaming<Input, Output>,
    request: MessageInitShape<Input>,
    options: CallOptions = {},
  ): AsyncIterable<MessageShape<Output>> {
    await this.#connected(options.signal);
    const call = this.#client.makeServerStreamRequest(
      pathOf(method),
      (message: MessageShape<Input>) => encode(method.input, message),
      (bytes) => fromBinary(method.output, bytes),
      create(method.input, request),
      this.#headers(options),
    );
    // Whoever stops reading cancels the call, and then nobody listens to its error.
    call.on("error", () => {});
    using _ = cancelWith(options.signal, call);
    const answers = call[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#translated(method, options, () => answers.next());
        if (next.done === true) return;
        yield next.value as MessageShape<Output>;
      }
    } finally {
      call.cancel();
    }
  }

  async exchange<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodBiDiStreaming<Input, Output>,
    options: CallOptions = {},
  ): Promise<Exchange<Input, Output>> {
    await this.#connected(options.signal);
    const call: ClientDuplexStream<MessageShape<Input>, MessageShape<Output>> = this.#client
      .makeBidiStreamRequest(
        pathOf(method),
        (message: MessageShape<Input>) => encode(method.input, message),
        (bytes) => fromBinary(method.output, bytes),
        this.#headers(options),
      );
    call.on("error", () => {});
    const guard = cancelWith(options.signal, call);
    const answers = call[Symbol.asyncIterator]();
    return {
      ask: (request) =>
        this.#translated(method, options, async () => {
          call.write(create(method.input, request));
          const next = await answers.next();
          if (next.done === true) throw new Error("the stream ended before its answer");
          return next.value as MessageShape<Output>;
        }),
      [Symbol.dispose]() {
        guard[Symbol.dispose]();
        call.end();
        call.cancel();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  #headers({ namespace, lease }: CallOptions): Metadata {
    const metadata = this.#parts.metadata();
    if (namespace !== undefined) metadata.set("containerd-namespace", namespace);
    if (lease !== undefined) metadata.set("containerd-lease", lease);
    return metadata;
  }

  /**
   * If the last attempt to connect failed, waits until the client has connected again, but not for long: then the call
   * itself tells what is wrong. grpc-js has `waitForReady`, but its timer outlives the signal and the client.
   */
  async #connected(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    for (let waited = 0; waited < RECONNECT && this.#parts.isPausing(); waited += PAUSE) {
      await sleep(PAUSE, signal);
    }
  }

  async #translated<Result>(
    method: { readonly name: string },
    { signal }: CallOptions,
    run: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await run();
    } catch (error) {
      signal?.throwIfAborted();
      throw errorOf(error, method.name, this.#path);
    }
  }
}

function pathOf(method: { readonly name: string; readonly parent: { readonly typeName: string } }) {
  return `/${method.parent.typeName}/${method.name}`;
}

/** grpc-js wants a `Buffer`; this one shares the memory of the bytes. */
function encode<Schema extends DescMessage>(schema: Schema, message: MessageShape<Schema>): Buffer {
  const bytes = toBinary(schema, message);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Cancels a call when the signal aborts. */
function cancelWith(signal: AbortSignal | undefined, call: { cancel(): void }): Disposable {
  const cancel = () => call.cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", cancel) };
}
