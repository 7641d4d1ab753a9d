import { algorithmOf, type Digest, hexOf } from "../../digest/mod.ts";
import { isVarveError, VarveError } from "../../errors.ts";
import { fileErrno, fileError } from "../../linux/mod.ts";
import type { ContentStore } from "../contract.ts";

/** A blob of containerd's content store, before its bytes are read. */
export interface ContentBlob {
  readonly digest: Digest;
  /** Size in bytes, as containerd recorded it. */
  readonly size: number;
  /** Namespace of containerd in which the blob was found. */
  readonly namespace: string;
}

/** Where the bytes of a blob come from: a file that a worker reads itself, or a stream through this thread. */
export type BlobBytes =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "stream"; open(signal: AbortSignal): AsyncIterable<Uint8Array> };

/**
 * Finds a blob in a namespace of containerd. Namespaces are isolated: a blob that only another namespace has is not found.
 *
 * @param stated size in bytes according to the caller's descriptor; 0 when it says none
 * @throws {VarveError} `E_NOT_FOUND` · `E_SIZE` the descriptor has another size
 */
export async function findBlob(
  content: ContentStore,
  digest: Digest,
  stated: number,
  namespace: string,
  signal: AbortSignal,
): Promise<ContentBlob> {
  const { size } = await content.info(digest, namespace, signal).catch((error) => {
    throw isVarveError(error, "E_NOT_FOUND") ? absent(digest, error) : error;
  });
  if (stated === 0 || stated === size) return { digest, size, namespace };
  throw new VarveError(
    "E_SIZE",
    `Cannot apply layer ${digest}: its descriptor says ${stated} bytes, containerd's blob has ${size}`,
    { expected: stated, actual: size, subject: digest },
  );
}

/**
 * Tells where the bytes of a blob come from. A file is looked at, but not read: the layer job verifies its bytes.
 *
 * @throws {VarveError} `E_NOT_FOUND` its file is gone · `E_DAMAGE` its file is a link or a directory · `E_SIZE` its file
 * is cut
 */
export async function blobBytes(
  content: ContentStore,
  { digest, size, namespace }: ContentBlob,
): Promise<BlobBytes> {
  const root = await content.root();
  if (root !== null) {
    const path = `${root}/blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
    if (await isReadable(path, digest, size)) return { kind: "file", path };
  }
  return {
    kind: "stream",
    async *open(signal) {
      try {
        yield* content.read(digest, namespace, { offset: 0, size, signal });
      } catch (error) {
        throw isVarveError(error, "E_NOT_FOUND") ? lost(digest, error) : error;
      }
    },
  };
}

/** containerd knows the blob, but its file is gone. */
function lost(digest: Digest, cause: unknown): VarveError {
  return new VarveError(
    "E_NOT_FOUND",
    `Cannot apply layer ${digest}: containerd's content store has lost its file`,
    { subject: digest, hint: "remove the image from containerd and pull it again" },
    { cause },
  );
}

function absent(digest: Digest, cause: unknown): VarveError {
  return new VarveError(
    "E_NOT_FOUND",
    `Cannot apply layer ${digest}: containerd does not have its blob`,
    { subject: digest, hint: "pull the image again" },
    { cause },
  );
}

/** Whether this process may read the file of a blob. */
async function isReadable(path: string, digest: Digest, size: number): Promise<boolean> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable || fileErrno(error) === "EACCES") return false;
    if (fileErrno(error) !== "ENOENT") throw fileError(error, `apply layer ${digest}`, "lstat");
    throw lost(digest, error);
  }
  if (!info.isFile) {
    throw new VarveError(
      "E_DAMAGE",
      `Cannot apply layer ${digest}: its file in containerd's content store is no regular file`,
      { subject: digest },
    );
  }
  if (info.size === size) return true;
  throw new VarveError(
    "E_SIZE",
    `Cannot apply layer ${digest}: its file in containerd's content store has ${info.size} bytes, not ${size}`,
    { expected: size, actual: info.size, subject: digest },
  );
}
