import { timestampMs } from "@bufbuild/protobuf/wkt";
import { createHasher, type Digest, parseDigest } from "../../digest/mod.ts";
import { isVarveError, VarveError } from "../../errors.ts";
import type { ContentInfo, ContentStore, WriteRequest } from "../contract.ts";
import type { GrpcClient } from "../grpc/grpc_client.ts";
import { Content, type Info, WriteAction } from "../proto/generated/content_pb.ts";
import type { Introspection } from "./contract.ts";

/** Filter for the plug-in that holds the blobs. */
export const CONTENT_PLUGIN = "type==io.containerd.content.v1,id==content";

/** Bytes in one message of a write. */
const PIECE = 1024 * 1024;

/** Milliseconds that containerd has to remove what was written of a blob. */
const ABORT_MS = 5_000;

/** containerd's content store, over gRPC. */
export function createContentStore(
  client: GrpcClient,
  introspection: Introspection,
): ContentStore {
  return {
    async root() {
      const [plugin] = await introspection.plugins([CONTENT_PLUGIN]);
      const root = plugin?.exports["root"];
      return root !== undefined && await isReadable(root) ? root : null;
    },
    async info(digest, namespace, signal) {
      const { info } = await client.unary(Content.method.info, { digest }, { namespace, signal });
      if (info === undefined) throw empty("Info");
      return toInfo(info);
    },
    async *list(filters, namespace, signal) {
      const request = { filters: [...filters] };
      for await (
        const { info } of client.stream(Content.method.list, request, { namespace, signal })
      ) {
        for (const each of info) yield toInfo(each);
      }
    },
    async *read(digest, namespace, { offset = 0, size = 0, signal } = {}) {
      const request = { digest, offset: BigInt(offset), size: BigInt(size) };
      for await (
        const { data } of client.stream(Content.method.read, request, { namespace, signal })
      ) {
        if (data.length > 0) yield data;
      }
    },
    async label(digest, namespace, labels, signal) {
      const paths = Object.keys(labels).map((label) => `labels.${label}`);
      const request = { info: { digest, labels: { ...labels } }, updateMask: { paths } };
      await client.unary(Content.method.update, request, { namespace, signal });
    },
    write: (request, bytes, signal) => write(client, request, bytes, signal),
  };
}

/** A blob that was written. */
interface Written {
  readonly digest: Digest;
  readonly size: number;
}

async function write(
  client: GrpcClient,
  request: WriteRequest,
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<Written> {
  let isBegun = false;
  try {
    return await writeAll(client, request, bytes, () => isBegun = true, signal);
  } catch (error) {
    if (isBegun) await forget(client, request);
    throw error;
  }
}

/** Removes what was written of a blob. Else containerd keeps it for a day, or as long as its lease. */
async function forget(client: GrpcClient, { ref, namespace }: WriteRequest): Promise<void> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ABORT_MS);
  try {
    await client.unary(Content.method.abort, { ref }, { namespace, signal: late.signal });
  } catch {
    // containerd may be gone, or has removed it itself. The first error is the one that counts.
  } finally {
    clearTimeout(timer);
  }
}

/** @param onBegun called when containerd has begun an ingest */
async function writeAll(
  client: GrpcClient,
  { ref, namespace, labels = {}, expected, lease }: WriteRequest,
  bytes: AsyncIterable<Uint8Array>,
  onBegun: () => void,
  signal: AbortSignal | undefined,
): Promise<Written> {
  using exchange = await client.exchange(Content.method.write, { namespace, lease, signal });
  const { ask } = exchange;
  const hasher = createHasher("sha256");
  let size = 0;
  try {
    // An earlier writer may have left a part under this name: offset 0 drops it.
    await ask({ action: WriteAction.WRITE, ref, expected: expected ?? "" });
    onBegun();
    for await (const chunk of bytes) {
      for (let at = 0; at < chunk.length; at += PIECE) {
        const data = chunk.subarray(at, at + PIECE);
        hasher.update(data);
        await ask({ action: WriteAction.WRITE, ref, offset: BigInt(size), data });
        size += data.length;
      }
    }
  } catch (error) {
    if (expected === undefined || !isVarveError(error, "E_EXISTS")) throw error;
    // It exists already, so containerd does not want the bytes.
    const { info } = await client.unary(
      Content.method.info,
      { digest: expected },
      { namespace, signal },
    );
    return { digest: expected, size: Number(info?.size ?? 0) };
  }
  const digest = expected ?? hasher.digest();
  try {
    await ask({
      action: WriteAction.COMMIT,
      ref,
      offset: BigInt(size),
      total: BigInt(size),
      expected: digest,
      labels: { ...labels },
    });
  } catch (error) {
    // So containerd says that the bytes have another digest.
    if (isVarveError(error, "E_PRECONDITION")) {
      throw new VarveError("E_DIGEST", error.message, error.details, { cause: error });
    }
    if (!isVarveError(error, "E_EXISTS")) throw error;
  }
  return { digest, size };
}

async function isReadable(directory: string): Promise<boolean> {
  try {
    for await (const _ of Deno.readDir(directory)) return true;
    return true;
  } catch {
    return false;
  }
}

function toInfo({ digest, size, labels, createdAt }: Info): ContentInfo {
  return {
    digest: parseDigest(digest),
    size: Number(size),
    labels,
    createdAt: createdAt === undefined ? undefined : timestampMs(createdAt),
  };
}

function empty(method: string): VarveError {
  return new VarveError("E_INTERNAL", `Cannot call ${method} of containerd: its answer is empty`);
}
