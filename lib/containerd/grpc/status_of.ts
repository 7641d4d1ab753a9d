import { type ErrorCode, isBadData, isVarveError } from "../../errors.ts";
import { GRPC } from "./grpc_code.ts";

/** Codes whose meaning is the same in both worlds. Bad data and everything else follow by rule. */
const CODES: Partial<Record<ErrorCode, number>> = {
  E_NOT_FOUND: GRPC.NOT_FOUND,
  E_EXISTS: GRPC.ALREADY_EXISTS,
  E_USAGE: GRPC.INVALID_ARGUMENT,
  E_PRECONDITION: GRPC.FAILED_PRECONDITION,
  E_LIMIT: GRPC.RESOURCE_EXHAUSTED,
  E_BUSY: GRPC.UNAVAILABLE,
  E_DAMAGE: GRPC.DATA_LOSS,
  // Not "unimplemented": for a differ that means "ask the next one", which would extract what varve refused.
  E_UNSUPPORTED: GRPC.FAILED_PRECONDITION,
};

/** The disk, or the user's share of it, is full. */
const FULL = new Set(["ENOSPC", "EDQUOT"]);

/**
 * A call that varve leaves to the next differ of containerd. It is the only way to answer "unimplemented" in a method
 * that exists.
 */
export class Declined extends Error {
  /** Always `"Declined"`. */
  override readonly name = "Declined";
}

/** What a call answers for an error. */
export interface Status {
  /** gRPC's status code. */
  readonly code: number;
  /** One line of text, the way out included where there is one. */
  readonly message: string;
}

/** The status for anything that a handler throws. `signal` is that of the call. */
export function statusOf(error: unknown, signal: AbortSignal): Status {
  const message = error instanceof Error ? error.message : String(error);
  if (signal.aborted && error === signal.reason) return { code: GRPC.CANCELLED, message };
  if (error instanceof Declined) return { code: GRPC.UNIMPLEMENTED, message };
  if (error instanceof TypeError || error instanceof RangeError) {
    return { code: GRPC.INVALID_ARGUMENT, message };
  }
  if (!isVarveError(error)) return { code: GRPC.INTERNAL, message };
  const { hint, errno } = error.details;
  return {
    code: codeOf(error.code, errno, isBadData(error)),
    message: hint === undefined ? message : `${message}; ${hint}`,
  };
}

function codeOf(code: ErrorCode, errno: string | undefined, isBad: boolean): number {
  if (errno !== undefined && FULL.has(errno)) return GRPC.RESOURCE_EXHAUSTED;
  return CODES[code] ?? (isBad ? GRPC.DATA_LOSS : GRPC.INTERNAL);
}
