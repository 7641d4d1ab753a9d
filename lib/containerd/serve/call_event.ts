import type { Message } from "@bufbuild/protobuf";
import type { EndedCall } from "../grpc/add_service.ts";
import { codeName, GRPC } from "../grpc/grpc_code.ts";
import type { ApplyRequest, ApplyResponse } from "../proto/generated/diff_pb.ts";
import type { CallFacts, ServeEvent } from "./contract.ts";

/** What a log says about a call that ended; `undefined` for most: they succeeded. */
export function callEvent(ended: EndedCall): ServeEvent | undefined {
  const { status, answer } = ended;
  if (status.code !== GRPC.OK) {
    return {
      kind: "failed",
      ...factsOf(ended),
      code: codeName(status.code),
      message: status.message,
    };
  }
  if (answer?.$typeName !== "containerd.services.diff.v1.ApplyResponse") return undefined;
  const { applied } = answer as ApplyResponse;
  return {
    kind: "applied",
    ...factsOf(ended),
    diffId: applied?.digest ?? "",
    size: Number(applied?.size ?? 0n),
  };
}

function factsOf({ method, request, call, subject, ms }: EndedCall): CallFacts {
  const key = subject ?? keyOf(request);
  // containerd's keys are NAMESPACE/NUMBER/KEY. Some builds send no header with the namespace.
  const inKey = key?.includes("/") === true ? key.slice(0, key.indexOf("/")) : null;
  return {
    method,
    namespace: call.namespace ?? inKey,
    key,
    digest: (request as Partial<ApplyRequest>).diff?.digest ?? null,
    ms,
  };
}

/** The key or the name that a request of the snapshotter names. */
function keyOf(request: Message): string | null {
  const { key, name, info } = request as {
    readonly key?: string;
    readonly name?: string;
    readonly info?: { readonly name: string };
  };
  const found = key ?? name ?? info?.name ?? "";
  return found === "" ? null : found;
}
