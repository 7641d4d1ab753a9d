/**
 * Images for tests, built by code: layers become blobs, blobs become a docker-archive, an OCI
 * layout directory, an OCI tar, or the hybrid tar that newer Dockers write.
 */
import { createHash } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { FIXTURE_MTIME, type TarFixture, tarOf, toBytes } from "../tar/tar_fixture.ts";

/** How a layer's blob is packed. */
export type Packing = "none" | "gzip" | "zstd";

/** What an image is built from. */
export interface ImageSpec {
  /** Full name, like `example.org/app:1`; without one the image has none. */
  readonly name?: string;
  /** Entries of each layer, or its tar. */
  readonly layers: readonly (readonly TarFixture[] | Uint8Array<ArrayBuffer>)[];
  /** One for all, or one a layer; `gzip` by default. */
  readonly packing?: Packing | readonly Packing[];
  /** The packed layers, where others packed them. */
  readonly blobs?: readonly Uint8Array<ArrayBuffer>[];
  /** Merged over the config. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Docker schema 2 media types instead of OCI ones. */
  readonly docker?: boolean;
}

/** A layer in its forms. */
export interface BuiltLayer {
  readonly tar: Uint8Array<ArrayBuffer>;
  readonly blob: Uint8Array<ArrayBuffer>;
  readonly diffId: string;
  readonly chainId: string;
  readonly descriptor: BuiltDescriptor;
}

/** A descriptor as it stands in a manifest. */
export interface BuiltDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** An image with its documents as bytes. */
export interface BuiltImage {
  readonly name: string | undefined;
  readonly layers: readonly BuiltLayer[];
  readonly config: Uint8Array<ArrayBuffer>;
  /** Digest of the config. */
  readonly imageId: string;
  readonly manifest: Uint8Array<ArrayBuffer>;
  readonly descriptor: BuiltDescriptor;
  /** chainID of the topmost layer. */
  readonly chainId: string;
}

/** `sha256:…` of bytes or text. */
export function sha256Of(bytes: Uint8Array | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** JSON as bytes. */
export function jsonBytes(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}

const OCI = "application/vnd.oci.image";
const DOCKER = "application/vnd.docker";

/** Packs a layer; the result is the same on every machine. */
export function pack(tar: Uint8Array<ArrayBuffer>, packing: Packing): Uint8Array<ArrayBuffer> {
  if (packing === "none") return tar;
  return new Uint8Array(packing === "gzip" ? gzipSync(tar, { level: 6 }) : zstdCompressSync(tar));
}

/** Builds an image in memory. */
export function buildImage(spec: ImageSpec): BuiltImage {
  const layers: BuiltLayer[] = [];
  let chainId = "";
  for (const [at, content] of spec.layers.entries()) {
    const packing = typeof spec.packing === "string" ? spec.packing : spec.packing?.[at] ?? "gzip";
    const tar = content instanceof Uint8Array ? content : tarOf(content);
    const blob = spec.blobs?.[at] ?? pack(tar, packing);
    const diffId = sha256Of(tar);
    chainId = at === 0 ? diffId : sha256Of(`${chainId} ${diffId}`);
    const mediaType = layerType(packing, spec.docker ?? false);
    layers.push({ tar, blob, diffId, chainId, descriptor: describe(mediaType, blob) });
  }
  const config = jsonBytes({
    created: new Date(FIXTURE_MTIME * 1000).toISOString().replace(".000Z", "Z"),
    architecture: "amd64",
    os: "linux",
    config: { Env: ["PATH=/usr/bin:/bin"], Cmd: ["/bin/sh"] },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map((_, at) => ({ created_by: `fixture layer ${at}` })),
    ...spec.config,
  });
  const types = spec.docker
    ? [`${DOCKER}.container.image.v1+json`, `${DOCKER}.distribution.manifest.v2+json`] as const
    : [`${OCI}.config.v1+json`, `${OCI}.manifest.v1+json`] as const;
  const manifest = jsonBytes({
    schemaVersion: 2,
    mediaType: types[1],
    config: describe(types[0], config),
    layers: layers.map(({ descriptor }) => descriptor),
  });
  const descriptor = describe(types[1], manifest);
  const imageId = sha256Of(config);
  return { name: spec.name, layers, config, imageId, manifest, descriptor, chainId };
}

/** A descriptor of bytes. */
export function describe(mediaType: string, bytes: Uint8Array): BuiltDescriptor {
  return { mediaType, digest: sha256Of(bytes), size: bytes.length };
}

function layerType(packing: Packing, docker: boolean): string {
  const suffix = packing === "none" ? "" : docker ? `.${packing}` : `+${packing}`;
  return docker ? `${DOCKER}.image.rootfs.diff.tar${suffix}` : `${OCI}.layer.v1.tar${suffix}`;
}

/** Files of an archive by name, in the order in which they are written. */
export type ArchiveFiles = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** The files of an OCI layout that holds the images. */
export function ociFiles(images: readonly BuiltImage[]): ArchiveFiles {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  files.set("oci-layout", jsonBytes({ imageLayoutVersion: "1.0.0" }));
  const manifests = images.map(({ descriptor, name }) => ({
    ...descriptor,
    platform: { architecture: "amd64", os: "linux" },
    ...(name !== undefined && {
      annotations: {
        "org.opencontainers.image.ref.name": name.slice(name.lastIndexOf(":") + 1),
        "io.containerd.image.name": name,
      },
    }),
  }));
  files.set(
    "index.json",
    jsonBytes({ schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests }),
  );
  for (const image of images) {
    files.set(blobPath(image.descriptor.digest), image.manifest);
    files.set(blobPath(image.imageId), image.config);
    for (const layer of image.layers) files.set(blobPath(layer.descriptor.digest), layer.blob);
  }
  return files;
}

/** `blobs/sha256/<hex>`. */
export function blobPath(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/**
 * The files of a docker-archive as Docker before 25 wrote it: `<hex>.json`, `<hex>/layer.tar`,
 * and `manifest.json` last. Layers are as they are packed.
 */
export function dockerFiles(images: readonly BuiltImage[]): ArchiveFiles {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const manifest = images.map((image) => {
    const config = `${image.imageId.slice(7)}.json`;
    files.set(config, image.config);
    const names = image.layers.map(({ chainId, blob }) => {
      const name = `${chainId.slice(7)}/layer.tar`;
      files.set(name, blob);
      return name;
    });
    return {
      Config: config,
      RepoTags: image.name === undefined ? null : [image.name],
      Layers: names,
    };
  });
  files.set("manifest.json", jsonBytes(manifest));
  return files;
}

/** Both at once, as Docker 25 and containerd write it: an OCI layout and a `manifest.json` over its blobs. */
export function hybridFiles(images: readonly BuiltImage[]): ArchiveFiles {
  const manifest = images.map((image) => ({
    Config: blobPath(image.imageId),
    RepoTags: image.name === undefined ? null : [image.name],
    Layers: image.layers.map(({ descriptor }) => blobPath(descriptor.digest)),
  }));
  return new Map([...ociFiles(images), ["manifest.json", jsonBytes(manifest)]]);
}

/** An archive as a tar, directories left out as `docker save` may do. */
export function archiveTar(files: ArchiveFiles): Uint8Array<ArrayBuffer> {
  const entries: TarFixture[] = [...files].map(([name, content]) => ({ name, content }));
  return tarOf(entries);
}

/** Writes an archive as files below a directory that exists. */
export async function writeArchive(directory: string, files: ArchiveFiles): Promise<void> {
  for (const [name, content] of files) {
    const path = `${directory}/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(path, toBytes(content));
  }
}
