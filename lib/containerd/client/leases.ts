import { isVarveError, VarveError } from "../../errors.ts";
import type { ContainerdLeases } from "../contract.ts";
import type { GrpcClient } from "../grpc/grpc_client.ts";
import { Leases } from "../proto/generated/leases_pb.ts";

/** containerd's leases, over gRPC. */
export function createLeases(client: GrpcClient): ContainerdLeases {
  return {
    async create(namespace, labels, signal) {
      const request = { id: `varve-${crypto.randomUUID()}`, labels: { ...labels } };
      const { lease } = await client.unary(Leases.method.create, request, { namespace, signal });
      if (lease === undefined) {
        throw new VarveError(
          "E_INTERNAL",
          "Cannot make a lease of containerd: its answer is empty",
        );
      }
      return lease.id;
    },
    async delete(id, namespace, signal) {
      try {
        await client.unary(Leases.method.delete, { id }, { namespace, signal });
      } catch (error) {
        if (!isVarveError(error, "E_NOT_FOUND")) throw error;
      }
    },
  };
}
