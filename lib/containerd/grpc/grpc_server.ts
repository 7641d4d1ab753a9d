import type { Socket } from "node:net";
import type { Services } from "../contract.ts";
import { Diff } from "../proto/generated/diff_pb.ts";
import { Snapshots } from "../proto/generated/snapshots_pb.ts";
import { addService, type CallObserver } from "./add_service.ts";
import { endSessionsLater } from "./end_later.ts";
import { MAX_MESSAGE } from "./limits.ts";
import { loadGrpc } from "./load_grpc.ts";
import { RunningCalls } from "./running_calls.ts";

/** Milliseconds that a call has to end after its signal was aborted, and that answers have to reach their clients. */
const LAST_MS = 1_000;

/** A gRPC server. It listens to nothing by itself: connections are given to it. */
export interface GrpcServer {
  /** Speaks gRPC on a connection. */
  readonly accept: (connection: Socket) => void;
  /**
   * Refuses new calls and waits for those that run. After `graceMs` milliseconds it aborts their signals. A second
   * later it cuts the connections.
   */
  stop(graceMs: number): Promise<void>;
}

/** Makes a server for services. `onEnd` is told about every call that has ended. */
export async function createGrpcServer(
  services: Services,
  onEnd: CallObserver["onEnd"] = () => {},
): Promise<GrpcServer> {
  const { Server, ServerCredentials } = await loadGrpc();
  const server = new Server({
    "grpc.max_receive_message_length": MAX_MESSAGE,
    "grpc.max_send_message_length": MAX_MESSAGE,
  });
  const running = new RunningCalls();
  const observer: CallObserver = { running, onEnd };
  if (services.snapshots !== undefined) addService(server, Snapshots, services.snapshots, observer);
  if (services.diff !== undefined) addService(server, Diff, services.diff, observer);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  endSessionsLater(server);
  let isStopped = false;
  return {
    accept(connection) {
      if (isStopped) return void connection.destroy();
      // A client that goes away is no error of the server.
      connection.on("error", () => connection.destroy());
      injector.injectConnection(connection);
    },
    async stop(graceMs) {
      isStopped = true;
      const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      const abort = setTimeout(() => running.abort(), graceMs);
      const giveUp = Promise.withResolvers<void>();
      // A handler may not look at its signal.
      const last = setTimeout(giveUp.resolve, graceMs + LAST_MS);
      await Promise.race([running.drained(), giveUp.promise]);
      clearTimeout(abort);
      clearTimeout(last);
      // A silent connection would hold the server for ever.
      const cut = Promise.withResolvers<void>();
      const timer = setTimeout(cut.resolve, LAST_MS);
      await Promise.race([closed, cut.promise]);
      clearTimeout(timer);
      server.forceShutdown();
    },
  };
}
