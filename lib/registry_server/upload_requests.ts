import type { Digest } from "../digest/mod.ts";
import type { Blobs } from "./blobs.ts";
import { digestHeader, refuse, type RegistryRequest, type RegistryResponse } from "./http.ts";
import type { RepositoryName } from "./repository_name.ts";
import { parseDigest } from "./routes.ts";
import { type Upload, uploadHeaders, type Uploads } from "./uploads.ts";

/** POST: mounts a blob, takes a whole blob, or begins an upload (distribution-spec, "Pushing blobs"). */
export async function beginUpload(
  uploads: Uploads,
  blobs: Blobs,
  { asked }: RepositoryName,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const mount = request.query.get("mount");
  if (mount !== null) {
    const digest = parseDigest(mount);
    // Every blob belongs to every repository. If the store lacks the blob, the client gets a new
    // upload.
    if (await blobs.promise(digest)) return created(asked, digest);
  }
  const whole = request.query.get("digest");
  const digest = whole === null ? undefined : parseDigest(whole);
  const upload = await uploads.begin(asked);
  if (digest !== undefined) return await complete(uploads, upload, digest, request);
  return { status: 202, headers: uploadHeaders(upload) };
}

/** GET, PATCH, PUT and DELETE of an upload. */
export async function continueUpload(
  uploads: Uploads,
  { asked }: RepositoryName,
  id: string,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  const upload = uploads.get(asked, id);
  switch (request.method) {
    case "PATCH":
      return { status: 202, headers: uploadHeaders(await append(uploads, upload, request)) };
    case "PUT":
      return await complete(uploads, upload, parseDigest(request.query.get("digest")), request);
    case "DELETE":
      await uploads.cancel(asked, id);
      return { status: 204 };
    default:
      return { status: 204, headers: uploadHeaders(upload) };
  }
}

async function complete(
  uploads: Uploads,
  upload: Upload,
  digest: Digest,
  request: RegistryRequest,
): Promise<RegistryResponse> {
  await append(uploads, upload, request);
  await uploads.finish(upload, digest);
  return created(upload.repository, digest);
}

/**
 * Appends the body of a request.
 *
 * @throws {Refusal} 416 when its range is malformed or does not continue the upload, 400 when its
 * length differs
 */
async function append(uploads: Uploads, upload: Upload, request: RegistryRequest): Promise<Upload> {
  const header = request.header("content-range");
  if (header === undefined) return await uploads.append(upload, request.body);
  const match = /^([0-9]{1,16})-([0-9]{1,16})$/.exec(header);
  const [start, end] = [Number(match?.[1] ?? NaN), Number(match?.[2] ?? NaN) + 1];
  // An upload is never at NaN, so a malformed range is refused in the same way as a range that does
  // not continue the upload.
  const offset = start < end ? start : NaN;
  const length = request.header("content-length");
  const before = upload.size;
  if (offset === before && length !== undefined && Number(length) !== end - start) {
    throw refuse(400, "SIZE_INVALID", "content-length and content-range differ");
  }
  const after = await uploads.append(upload, exactly(request.body, end - start), offset);
  if (after.size - start === end - start) return after;
  await uploads.cancel(after.repository, after.id);
  throw refuse(400, "SIZE_INVALID", "the chunk is shorter than its content-range");
}

/** Passes bytes on. @throws {Refusal} 400 when there are more than `length` */
async function* exactly(bytes: AsyncIterable<Uint8Array>, length: number) {
  let left = length;
  for await (const piece of bytes) {
    left -= piece.length;
    if (left < 0) throw refuse(400, "SIZE_INVALID", "the chunk is longer than its content-range");
    yield piece;
  }
}

function created(repository: string, digest: Digest): RegistryResponse {
  return {
    status: 201,
    headers: { location: `/v2/${repository}/blobs/${digest}`, ...digestHeader(digest) },
  };
}
