/** Images of any size, made fast: layers of files that no compressor makes small. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { prng } from "../support/prng.ts";
import { header } from "../support/tar/raw_blocks.ts";

const MIB = 2 ** 20;
/** Bytes of a file. */
const FILE = 32 * MIB;

/**
 * Writes an OCI layout of some layers with so many MiB each, in gzip.
 *
 * Every header and every content is a gzip member of its own, and so the content is compressed once.
 */
export async function noiseLayout(path: string, layers: number, mib: number): Promise<string> {
  await Deno.mkdir(`${path}/blobs/sha256`, { recursive: true });
  // Half noise, half zeros: it inflates at the speed of a real layer.
  const block = prng(1).bytes(MIB);
  block.fill(0, block.length / 2);
  const content = new Uint8Array(FILE);
  for (let at = 0; at < FILE; at += MIB) content.set(block, at);
  const packed = gzipSync(content, { level: 1 });
  const ends = new Uint8Array(1024);
  const descriptors = [], diffIds = [];
  for (let layer = 0; layer < layers; layer++) {
    const [tar, blob] = [createHash("sha256"), createHash("sha256")];
    const temporary = `${path}/layer`;
    let size = 0;
    {
      using file = await Deno.open(temporary, { write: true, create: true, truncate: true });
      const put = async (plain: Uint8Array, member: Uint8Array = gzipSync(plain)) => {
        tar.update(plain);
        blob.update(member);
        size += member.length;
        for (let at = 0; at < member.length;) at += await file.write(member.subarray(at));
      };
      for (let i = 0; i * FILE < mib * MIB; i++) {
        await put(header({ name: `layer-${layer}/file-${i}`, size: FILE }));
        await put(content, packed);
      }
      await put(ends);
    }
    const hex = blob.digest("hex");
    await Deno.rename(temporary, `${path}/blobs/sha256/${hex}`);
    descriptors.push({
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest: `sha256:${hex}`,
      size,
    });
    diffIds.push(`sha256:${tar.digest("hex")}`);
  }
  const document = async (value: unknown, mediaType: string) => {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    const hex = createHash("sha256").update(bytes).digest("hex");
    await Deno.writeFile(`${path}/blobs/sha256/${hex}`, bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const oci = "application/vnd.oci.image";
  const rootfs = { type: "layers", diff_ids: diffIds };
  const config = await document(
    { architecture: "amd64", os: "linux", rootfs },
    `${oci}.config.v1+json`,
  );
  const mediaType = `${oci}.manifest.v1+json`;
  const manifest = await document(
    { schemaVersion: 2, mediaType, config, layers: descriptors },
    mediaType,
  );
  await Deno.writeTextFile(
    `${path}/index.json`,
    JSON.stringify({ schemaVersion: 2, manifests: [manifest] }),
  );
  await Deno.writeTextFile(`${path}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  return path;
}
