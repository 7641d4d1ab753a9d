import { type ErrorCode, VarveError } from "../../errors.ts";
import { GRPC } from "./grpc_code.ts";

/** The error code for a status of containerd. */
const CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [GRPC.INVALID_ARGUMENT, "E_USAGE"],
  [GRPC.NOT_FOUND, "E_NOT_FOUND"],
  [GRPC.ALREADY_EXISTS, "E_EXISTS"],
  [GRPC.PERMISSION_DENIED, "E_DENIED"],
  [GRPC.RESOURCE_EXHAUSTED, "E_LIMIT"],
  [GRPC.FAILED_PRECONDITION, "E_PRECONDITION"],
  [GRPC.UNIMPLEMENTED, "E_UNSUPPORTED"],
  [GRPC.UNAVAILABLE, "E_BUSY"],
  [GRPC.DATA_LOSS, "E_DAMAGE"],
]);

/**
 * What a failed call of containerd becomes.
 *
 * @param method name of the method that was called
 * @param socket path of containerd's socket
 */
export function errorOf(error: unknown, method: string, socket: string): VarveError {
  const { code, details, message } = error as {
    readonly code?: number;
    readonly details?: string;
    readonly message?: string;
  };
  const said = details === undefined || details === "" ? message ?? String(error) : details;
  if (code === GRPC.UNAVAILABLE) {
    return new VarveError(
      "E_BUSY",
      `Cannot reach containerd at ${socket}: ${said}`,
      { subject: socket, hint: "is containerd running, and is this its socket?" },
      { cause: error },
    );
  }
  return new VarveError(
    CODES.get(code ?? GRPC.UNKNOWN) ?? "E_INTERNAL",
    `Cannot call ${method} of containerd: ${said}`,
    { subject: socket },
    { cause: error },
  );
}
