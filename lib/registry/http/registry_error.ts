import { VarveError } from "../../errors.ts";

/** The error for a registry that answered with an error, or not at all: `Cannot <action>: <state>`. */
export function registryError(action: string, state: string, hint?: string): VarveError {
  return new VarveError("E_REGISTRY", `Cannot ${action}: ${state}`, { hint });
}

/** The error of a request that got no answer, or a temporary error. A retry may help. */
export class NetworkFailure extends VarveError {
  /** Milliseconds that the registry asks to wait before the retry; 0 when it does not ask. */
  readonly wait: number;

  constructor(action: string, state: string, wait = 0, hint?: string) {
    super("E_REGISTRY", `Cannot ${action}: ${state}`, { hint });
    this.wait = wait;
  }
}
