import type { DiskStore } from "../../store/mod.ts";
import type { Containerd } from "../client/contract.ts";
import type { Services } from "../contract.ts";
import type { ServeContainerdOptions } from "./contract.ts";

/** What the services are made of. */
export interface ServiceParts
  extends Pick<ServeContainerdOptions, "pool" | "driver" | "rules" | "free" | "onEvent"> {
  readonly store: DiskStore;
  /** The containerd that calls. */
  readonly containerd: Containerd;
}

/** Makes the services. Dispose them after their last call. */
export function createServices(_parts: ServiceParts): Services & AsyncDisposable {
  return { [Symbol.asyncDispose]: () => Promise.resolve() };
}
