import { type ErrorDetails, VarveError } from "../../errors.ts";

/** Details of an error of a registry: a hint, and what the registry answered. */
export type RegistryDetails = Pick<ErrorDetails, "hint" | "status" | "registryCode">;

/** The error for a registry that answered with an error, or not at all: `Cannot <action>: <state>`. */
export function registryError(
  action: string,
  state: string,
  details: RegistryDetails = {},
): VarveError {
  return new VarveError("E_REGISTRY", `Cannot ${action}: ${state}`, details);
}

/** The error of a request that got no answer, or that failed with a temporary error. A retry may help. */
export class NetworkFailure extends VarveError {
  /** Milliseconds that the registry asks to wait before the retry; 0 when it does not ask. */
  readonly wait: number;

  constructor(action: string, state: string, wait = 0, details: RegistryDetails = {}) {
    super("E_REGISTRY", `Cannot ${action}: ${state}`, details);
    this.wait = wait;
  }
}
