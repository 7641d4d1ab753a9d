import type { GrpcClient } from "../grpc/grpc_client.ts";
import { Introspection as Service } from "../proto/generated/introspection_pb.ts";
import { Version } from "../proto/generated/version_pb.ts";
import type { Introspection } from "./contract.ts";

/** What containerd says about itself, over gRPC. */
export function createIntrospection(client: GrpcClient): Introspection {
  return {
    async version(signal) {
      return (await client.unary(Version.method.version, {}, { signal })).version;
    },
    async server(signal) {
      const { pid, pidns } = await client.unary(Service.method.server, {}, { signal });
      return { pid: Number(pid), pidns: Number(pidns) };
    },
    async plugins(filters, signal) {
      const request = { filters: [...filters] };
      const { plugins } = await client.unary(Service.method.plugins, request, { signal });
      return plugins.map(({ type, id, exports, capabilities, initErr }) => ({
        type,
        id,
        exports,
        capabilities,
        error: initErr?.message ?? null,
      }));
    },
  };
}
