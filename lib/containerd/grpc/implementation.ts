import type { DescMessage, DescMethod, MessageShape } from "@bufbuild/protobuf";
import type { EmptySchema } from "@bufbuild/protobuf/wkt";
import type { Call } from "../contract.ts";

/** What a method answers. Nothing stands for the empty message. */
type Answer<Output extends DescMessage> = Output extends typeof EmptySchema ? void
  : MessageShape<Output>;

/** The handler of one method. */
type Handler<Method> = Method extends {
  methodKind: "unary";
  input: infer Input extends DescMessage;
  output: infer Output extends DescMessage;
} ? (request: MessageShape<Input>, call: Call) => Promise<Answer<Output>>
  : Method extends {
    methodKind: "server_streaming";
    input: infer Input extends DescMessage;
    output: infer Output extends DescMessage;
  } ? (request: MessageShape<Input>, call: Call) => AsyncIterable<MessageShape<Output>>
  : never;

/** A generated service, as `GenService` describes it. */
export interface DescribedService {
  readonly typeName: string;
  readonly methods: readonly DescMethod[];
  readonly method: Readonly<Record<string, DescMethod>>;
}

/** An object with a handler for each method of a service: the type that an implementation must have. */
export type Implementation<Service extends DescribedService> = {
  readonly [Name in keyof Service["method"]]: Handler<Service["method"][Name]>;
};
