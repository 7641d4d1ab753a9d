import type { EventEmitter } from "node:events";
import type { Server } from "@grpc/grpc-js";

/** What is used here of a session of `node:http2`. */
interface Session {
  destroy(error?: Error, code?: number): void;
}

/**
 * Keeps the sessions of a server alive until the frames that came are read.
 *
 * When a client says GOAWAY, `node:http2` closes the session at once. Deno 2.9 then frees it while nghttp2 still reads that
 * frame, and the process dies of it (https://github.com/denoland/deno/issues/36788). So a session is destroyed in a later
 * turn of the event loop.
 */
export function endSessionsLater(server: Server): void {
  // grpc-js does not show them. Its version is pinned.
  const servers = server["http2Servers"] as ReadonlyMap<EventEmitter, unknown>;
  for (const each of servers.keys()) each.prependListener("session", endLater);
}

function endLater(session: Session): void {
  const { destroy } = session;
  session.destroy = (error, code) => void setImmediate(() => destroy.call(session, error, code));
}
