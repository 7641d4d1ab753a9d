import { VarveError } from "../../errors.ts";
import { lockServing, requireDisk } from "../../store/internal.ts";
import type { Store } from "../../store/mod.ts";
import { connectContainerd } from "../client/connect.ts";
import { createGrpcServer } from "../grpc/grpc_server.ts";
import { callEvent } from "./call_event.ts";
import type { ContainerdServer, ServeContainerdOptions } from "./contract.ts";
import { createServices } from "./services.ts";
import { Metrics } from "./metrics.ts";
import { readGauges } from "./read_gauges.ts";
import { serveMetrics } from "./serve_metrics.ts";
import { unusableCharacter } from "./store_path.ts";
import { listenAt, listenOn } from "./socket.ts";

/** Milliseconds that running calls get when the server ends. */
const GRACE_MS = 10_000;

/**
 * Serves a store to containerd: as its snapshotter and differ, on a Unix socket that only this user can open. One
 * process at a time serves a store.
 *
 * containerd itself may start later: it is asked only when a layer is applied.
 *
 * @throws {VarveError} `E_UNSUPPORTED` the store has no directories · `E_USAGE` containerd cannot use the path of the
 * store, or the path of the socket is wrong · `E_EXISTS` a file or directory has the socket's path · `E_BUSY` another
 * process serves this store, or answers on the socket or at the address of the metrics
 *
 * @example
 * ```ts ignore
 * import { createPool, openStore } from "@varve/varve";
 * import { serveContainerd } from "@varve/varve/containerd";
 *
 * await using store = await openStore({ root: "/var/lib/varve" });
 * await using pool = createPool();
 * await using server = await serveContainerd(store, {
 *   socket: "/run/varve/varve.sock",
 *   containerd: "/run/containerd/containerd.sock",
 *   pool,
 * });
 * ```
 */
export async function serveContainerd(
  store: Store,
  options: ServeContainerdOptions,
): Promise<ContainerdServer> {
  const disk = requireDisk(store, "serve containerd");
  refuseUnusable(disk.root);
  const { socket, onEvent } = options;
  await using starting = new AsyncDisposableStack();
  starting.use(await lockServing(disk));
  const containerd = starting.use(await connectContainerd(options.containerd));
  const services = starting.use(createServices({ ...options, store: disk, containerd }));
  const metrics = new Metrics();
  const grpc = await createGrpcServer(services, (ended) => {
    metrics.observe(ended);
    const event = callEvent(ended);
    if (event !== undefined) onEvent?.(event);
  });
  starting.defer(() => grpc.stop(GRACE_MS));
  const shown = options.metrics === undefined ? null : starting.use(
    serveMetrics(options.metrics, () => metrics.text(readGauges(disk, options.pool))),
  );
  starting.use(
    await (typeof socket === "string"
      ? listenOn(socket, grpc.accept)
      : listenAt(socket.descriptor, grpc.accept)),
  );
  const running = starting.move();
  return {
    socket: typeof socket === "string" ? socket : null,
    metrics: shown === null ? null : shown.url,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function refuseUnusable(root: string): void {
  const found = unusableCharacter(root);
  if (found === undefined) return;
  throw new VarveError(
    "E_USAGE",
    `Cannot serve the store ${root} to containerd: its path has a ${JSON.stringify(found)}`,
    { subject: root, hint: "move the store to a path without colon, comma and backslash" },
  );
}
