/** The one adapter between services and grpc-js: messages, errors, cancellation, metadata, back-pressure. */
import { Buffer } from "node:buffer";
import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import type {
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  Server,
  ServiceDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { Call } from "../contract.ts";
import type { DescribedService, Implementation } from "./implementation.ts";
import { cancelled, type RunningCalls } from "./running_calls.ts";
import { GRPC } from "./grpc_code.ts";
import { type Status, statusOf } from "./status_of.ts";

/** A call that has ended. */
export interface EndedCall {
  /** Full name of the service, such as `containerd.services.diff.v1.Diff`. */
  readonly service: string;
  /** Name of the method as in the .proto file, such as `Apply`. */
  readonly method: string;
  readonly request: Message;
  /** The answer of a unary method that succeeded. */
  readonly answer?: Message | undefined;
  readonly call: Call;
  /** Key of the snapshot that the handler named. */
  readonly subject: string | undefined;
  readonly status: Status;
  /** Milliseconds from the arrival of the request to the answer. */
  readonly ms: number;
}

/** Where calls are counted and reported. */
export interface CallObserver {
  readonly running: RunningCalls;
  /** Told about every call that has ended. It must not throw. */
  readonly onEnd: (ended: EndedCall) => void;
}

/** A handler of any method. */
type AnyHandler = (
  request: Message,
  call: Call,
) => Promise<Message | void> | AsyncIterable<Message>;

/** What all calls of grpc-js have. */
interface Surface {
  readonly request: Message;
  readonly metadata: Metadata;
  on(event: "cancelled", listener: () => void): unknown;
}

/**
 * Adds a service to a server. The adapter wraps each handler once: a rejected promise in a handler of grpc-js would
 * end the process.
 */
export function addService<Service extends DescribedService>(
  server: Server,
  service: Service,
  implementation: Implementation<Service>,
  observer: CallObserver,
): void {
  const definition: Record<string, ServiceDefinition[string]> = {};
  const handlers: UntypedServiceImplementation = {};
  for (const method of service.methods) {
    // The type of the implementation says that it has a handler for each method.
    const handler = (implementation as Record<string, AnyHandler>)[method.localName] as AnyHandler;
    const bound: AnyHandler = (request, call) => handler.call(implementation, request, call);
    definition[method.name] = methodDefinition(service, method);
    handlers[method.name] = method.methodKind === "unary"
      ? unary(service, method, bound, observer)
      : serverStreaming(service, method, bound, observer);
  }
  server.addService(definition, handlers);
}

function methodDefinition(
  service: DescribedService,
  method: DescMethod,
): ServiceDefinition[string] {
  return {
    path: `/${service.typeName}/${method.name}`,
    requestStream: false,
    responseStream: method.methodKind === "server_streaming",
    requestSerialize: (message: Message) => encode(method.input, message),
    requestDeserialize: (bytes: Uint8Array) => fromBinary(method.input, bytes),
    responseSerialize: (message: Message) => encode(method.output, message),
    responseDeserialize: (bytes: Uint8Array) => fromBinary(method.output, bytes),
  };
}

/** grpc-js wants a `Buffer`; this one shares the memory of the bytes. */
function encode(schema: DescMessage, message: Message): Buffer {
  const bytes = toBinary(schema, message);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function unary(
  service: DescribedService,
  method: DescMethod,
  handler: AnyHandler,
  observer: CallObserver,
): handleUnaryCall<Message, Message> {
  return (surface, callback) =>
    void observed(service, method, surface, observer, async (call): Promise<Message> => {
      return await (handler(surface.request, call) as Promise<Message | void>) ??
        create(method.output);
    }).then(({ status, answer }) => {
      if (status.code === GRPC.OK) callback(null, answer ?? null);
      else callback({ code: status.code, details: status.message });
    });
}

function serverStreaming(
  service: DescribedService,
  method: DescMethod,
  handler: AnyHandler,
  observer: CallObserver,
): handleServerStreamingCall<Message, Message> {
  return (surface) =>
    void observed(service, method, surface, observer, async (call): Promise<undefined> => {
      for await (const message of handler(surface.request, call) as AsyncIterable<Message>) {
        call.signal.throwIfAborted();
        if (!surface.write(message)) await drained(surface, call.signal);
      }
    }).then(({ status }) => {
      if (status.code === GRPC.OK) surface.end();
      else surface.emit("error", { code: status.code, details: status.message });
    });
}

/** Waits until the client has taken what was written. @throws {unknown} the signal's reason */
async function drained(
  surface: { once(event: "drain", listener: () => void): unknown },
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const waiting = Promise.withResolvers<void>();
  const stop = () => waiting.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  surface.once("drain", waiting.resolve);
  try {
    await waiting.promise;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Runs a handler: gives it its call, and turns whatever it throws into a status. Never throws. */
async function observed<Answer extends Message | undefined>(
  service: DescribedService,
  method: DescMethod,
  surface: Surface,
  { running, onEnd }: CallObserver,
  run: (call: Call) => Promise<Answer>,
): Promise<{ readonly status: Status; readonly answer?: Answer | undefined }> {
  const began = performance.now();
  const controller = running.begin();
  surface.on("cancelled", () => controller.abort(cancelled("The client cancelled the call")));
  let subject: string | undefined;
  const call: Call = {
    signal: controller.signal,
    namespace: header(surface.metadata, "containerd-namespace"),
    lease: header(surface.metadata, "containerd-lease"),
    about: (key) => void (subject = key),
  };
  let status: Status = { code: GRPC.OK, message: "" };
  let answer: Answer | undefined;
  try {
    answer = await run(call);
  } catch (error) {
    status = statusOf(error, call.signal);
  }
  running.end(controller);
  onEnd({
    service: service.typeName,
    method: method.name,
    request: surface.request,
    answer,
    call,
    subject,
    status,
    ms: performance.now() - began,
  });
  return { status, answer };
}

function header(metadata: Metadata, name: string): string | undefined {
  const value = metadata.get(name)[0];
  return typeof value === "string" && value !== "" ? value : undefined;
}
