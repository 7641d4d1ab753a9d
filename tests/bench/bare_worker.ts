/** A worker that does the bare work on the layers that it is sent. */
import { type BareWork, bareWork } from "./bare_work.ts";

interface Scope {
  onmessage: (event: MessageEvent<BareWork>) => void;
  postMessage(value: unknown): void;
}

if ("WorkerGlobalScope" in globalThis) {
  const scope = globalThis as unknown as Scope;
  scope.onmessage = ({ data }) => scope.postMessage(bareWork(data));
}
