import { createGrpcClient } from "../grpc/grpc_client.ts";
import { createContentStore } from "./content_store.ts";
import type { Containerd } from "./contract.ts";
import { createIntrospection } from "./introspection.ts";
import { createLeases } from "./leases.ts";

/** Makes a client of containerd. @param socket absolute path of containerd's socket */
export async function connectContainerd(socket: string): Promise<Containerd> {
  const client = await createGrpcClient(socket);
  const introspection = createIntrospection(client);
  return {
    introspection,
    content: createContentStore(client, introspection),
    leases: createLeases(client),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}
