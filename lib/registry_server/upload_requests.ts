import type { Digest } from "../digest/mod.ts";
import type { Blobs } from "./blobs.ts";
import { type Answer, type Ask, digestHeader, refuse } from "./http.ts";
import type { RepositoryName } from "./names.ts";
import { parseDigest } from "./routes.ts";
import { type Upload, uploadHeaders, type Uploads } from "./uploads.ts";

/** POST: mounts a blob, takes a whole one, or begins an upload (distribution-spec, "Pushing blobs"). */
export async function beginUpload(
  uploads: Uploads,
  blobs: Blobs,
  { asked }: RepositoryName,
  ask: Ask,
): Promise<Answer> {
  const mount = ask.query.get("mount");
  if (mount !== null) {
    const digest = parseDigest(mount);
    // A blob of one repository is one of all; without it the client uploads.
    if (await blobs.has(digest)) return created(asked, digest);
  }
  const whole = ask.query.get("digest");
  const digest = whole === null ? undefined : parseDigest(whole);
  const upload = await uploads.begin(asked);
  if (digest !== undefined) return await complete(uploads, upload, digest, ask);
  return { status: 202, headers: uploadHeaders(upload) };
}

/** GET, PATCH, PUT and DELETE of an upload. */
export async function continueUpload(
  uploads: Uploads,
  { asked }: RepositoryName,
  id: string,
  ask: Ask,
): Promise<Answer> {
  const upload = uploads.get(asked, id);
  switch (ask.method) {
    case "PATCH":
      return { status: 202, headers: uploadHeaders(await append(uploads, upload, ask)) };
    case "PUT":
      return await complete(uploads, upload, parseDigest(ask.query.get("digest")), ask);
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
  ask: Ask,
): Promise<Answer> {
  await append(uploads, upload, ask);
  await uploads.finish(upload, digest);
  return created(upload.repository, digest);
}

/** Appends what the request brings. @throws {Refusal} 416 its range is malformed or does not follow, 400 it is of another length */
async function append(uploads: Uploads, upload: Upload, ask: Ask): Promise<Upload> {
  const header = ask.header("content-range");
  if (header === undefined) return await uploads.append(upload, ask.body);
  const match = /^([0-9]{1,16})-([0-9]{1,16})$/.exec(header);
  const [start, end] = [Number(match?.[1] ?? NaN), Number(match?.[2] ?? NaN) + 1];
  // No upload is at NaN, so that what is malformed is refused with the state of the upload.
  const follows = start < end ? start : NaN;
  const length = ask.header("content-length");
  const before = upload.size;
  if (follows === before && length !== undefined && Number(length) !== end - start) {
    throw refuse(400, "SIZE_INVALID", "content-length and content-range differ");
  }
  const after = await uploads.append(upload, exactly(ask.body, end - start), follows);
  if (after.size - start === end - start) return after;
  await uploads.cancel(after.repository, after.id);
  throw refuse(400, "SIZE_INVALID", "the chunk is shorter than its content-range");
}

/** Fails when more comes. */
async function* exactly(bytes: AsyncIterable<Uint8Array>, length: number) {
  let left = length;
  for await (const piece of bytes) {
    left -= piece.length;
    if (left < 0) throw refuse(400, "SIZE_INVALID", "the chunk is longer than its content-range");
    yield piece;
  }
}

function created(repository: string, digest: Digest): Answer {
  return {
    status: 201,
    headers: { location: `/v2/${repository}/blobs/${digest}`, ...digestHeader(digest) },
  };
}
