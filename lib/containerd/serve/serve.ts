import { VarveError } from "../../errors.ts";
import { requireDisk } from "../../store/internal.ts";
import type { Store } from "../../store/mod.ts";
import type { Services } from "../contract.ts";
import { createGrpcServer } from "../grpc/grpc_server.ts";
import type { ContainerdServer, ServeContainerdOptions } from "./contract.ts";
import { listenOn } from "./socket.ts";

/** Milliseconds that running calls get when the server ends. */
const GRACE_MS = 10_000;

/**
 * Serves a store to containerd: as its snapshotter and differ, on a Unix socket that only this user can open.
 *
 * @throws {VarveError} `E_UNSUPPORTED` the store has no directories · `E_USAGE` containerd cannot use the path of the
 * store, or the path of the socket is wrong · `E_EXISTS` a file or directory has the socket's path · `E_BUSY` another
 * process answers on the socket
 *
 * @example
 * ```ts ignore
 * import { openStore } from "@varve/varve";
 * import { serveContainerd } from "@varve/varve/containerd";
 *
 * await using store = await openStore({ root: "/var/lib/varve" });
 * await using server = await serveContainerd(store, { socket: "/run/varve.sock" });
 * ```
 */
export async function serveContainerd(
  store: Store,
  { socket }: ServeContainerdOptions,
): Promise<ContainerdServer> {
  refuseUnusable(requireDisk(store, "serve containerd").root);
  const services: Services = {};
  const grpc = await createGrpcServer(services);
  const listener = await listenOn(socket, (connection) => grpc.accept(connection));
  return {
    socket,
    async [Symbol.asyncDispose]() {
      await listener[Symbol.asyncDispose]();
      await grpc.stop(GRACE_MS);
    },
  };
}

/** containerd splits mount options at these characters, and knows no escapes. */
function refuseUnusable(root: string): void {
  const found = /[:,\\]/.exec(root)?.[0];
  if (found === undefined) return;
  throw new VarveError(
    "E_USAGE",
    `Cannot serve the store ${root} to containerd: its path has a ${JSON.stringify(found)}`,
    { subject: root, hint: "move the store to a path without colon, comma and backslash" },
  );
}
