import { RegistryClient } from "../../../lib/registry/mod.ts";
import { codeOf } from "../code_of.ts";
import { waitUntil } from "../machine/wait.ts";
import { configFor } from "./hostile_registry.ts";

/** A server on loopback that takes every connection and never says a word. */
export interface SilentServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** Waits until it has got this many connections in all. */
  asked(connections: number): Promise<void>;
}

/** Starts one. */
export function silentServer(): SilentServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const held: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of listener) held.push(connection);
  })();
  const host = `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  return {
    origin: `http://${host}`,
    host,
    async asked(connections): Promise<void> {
      await waitUntil(`${connections} connections`, () => held.length >= connections, {
        seen: () => held.length,
      });
    },
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      await accepting;
      for (const connection of held) connection.close();
    },
  };
}

/**
 * Waits until a client with this idle time-out has given up a request that it began now.
 *
 * A request that was begun before, and is still waited for afterwards, has more time than that.
 */
export async function outlastClient(idleTimeout: number): Promise<void> {
  await using server = silentServer();
  using client = new RegistryClient(configFor(server.origin, {}, { idleTimeout, attempts: 1 }));
  const code = await codeOf(() => client.manifest({ repository: "app" }));
  if (code !== "E_REGISTRY") throw new Error(`Cannot wait for a client to give up: ${code}`);
}
