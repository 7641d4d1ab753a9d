/** Images and archives for tests of indexes. */
import { assertRejects } from "@std/assert";
import { loadImages } from "../../../lib/archive/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { type AddToIndexOptions, createIndex, type StoredIndex } from "../../../lib/image/mod.ts";
import { formatPlatform, MEDIA_TYPES, parsePlatform, type Platform } from "../../../lib/oci/mod.ts";
import {
  archiveTar,
  blobPath,
  buildImage,
  type BuiltDescriptor,
  type BuiltImage,
  describe,
  jsonBytes,
  ociFiles,
} from "./images.ts";
import type { Store } from "../../../lib/store/mod.ts";
import { reworkFixture, streamOf } from "./memory_store.ts";

/** A platform as a user types it. */
export const on = (text: string): Platform =>
  parsePlatform(text, { os: "linux", architecture: "amd64" });

/** The image `x.org/ARCHITECTURE:1`. */
export const image = (
  architecture: string,
  more: Parameters<typeof buildImage>[0]["config"] = {},
): BuiltImage =>
  buildImage({
    name: `x.org/${architecture}:1`,
    layers: [[{ name: "arch", content: architecture }]],
    config: { architecture, ...more },
  });
export const amd: BuiltImage = image("amd64");
export const arm: BuiltImage = image("arm64");
export const riscv: BuiltImage = image("riscv64");

/** An entry of an index. */
export interface Entry extends BuiltDescriptor {
  readonly platform: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An attestation. */
export interface Attestation {
  /** Its manifest, and what that names. */
  readonly files: readonly Uint8Array<ArrayBuffer>[];
  readonly entry: Entry;
}

/** An attestation as BuildKit makes it. */
export function attestationOf(digest: string): Attestation {
  const part = jsonBytes({ about: digest });
  const config = jsonBytes({
    architecture: "unknown",
    os: "unknown",
    rootfs: { type: "layers", diff_ids: [] },
  });
  const manifest = jsonBytes({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: describe(MEDIA_TYPES.config, config),
    layers: [describe("application/vnd.in-toto+json", part)],
  });
  return {
    files: [part, config, manifest],
    entry: {
      ...describe(MEDIA_TYPES.manifest, manifest),
      platform: { os: "unknown", architecture: "unknown" },
      annotations: {
        "vnd.docker.reference.digest": digest,
        "vnd.docker.reference.type": "attestation-manifest",
      },
    },
  };
}

/** The entry of an index for an image. */
export const entryOf = ({ descriptor }: BuiltImage, architecture: string): Entry => ({
  ...descriptor,
  platform: { os: "linux", architecture },
});
export const ofAmd: Attestation = attestationOf(amd.descriptor.digest);
export const ofArm: Attestation = attestationOf(arm.descriptor.digest);
/** An index as bytes. */
export const indexOf = (manifests: readonly unknown[], more = {}): Uint8Array<ArrayBuffer> =>
  jsonBytes({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests, ...more });

/** An archive with one image, `x.org/NAME:1`, whose target is an index. */
function archive(
  name: string,
  index: Uint8Array<ArrayBuffer>,
  others: readonly Uint8Array<ArrayBuffer>[] = [],
): ReadableStream<Uint8Array> {
  const files = new Map(ociFiles([amd, arm]));
  for (const bytes of [index, ...others]) files.set(blobPath(describe("", bytes).digest), bytes);
  const target: BuiltDescriptor = describe(MEDIA_TYPES.index, index);
  const annotations = { "io.containerd.image.name": `x.org/${name}:1` };
  files.set("index.json", indexOf([{ ...target, annotations }]));
  return streamOf(archiveTar(files));
}

/** An index of two images with their attestations. */
export const attested: Uint8Array<ArrayBuffer> = indexOf([
  entryOf(amd, "amd64"),
  entryOf(arm, "arm64"),
  ofAmd.entry,
  ofArm.entry,
]);

/** A store in memory with {@linkcode amd}, {@linkcode arm} and {@linkcode riscv}. */
export interface IndexFixture extends AsyncDisposable {
  readonly store: Store;
  /** The warnings of {@linkcode create}, and of calls with {@linkcode options}. */
  readonly warnings: string[];
  /** Loads the image `x.org/NAME:1`, whose target is an index. `others` are files besides those of `amd` and `arm`. */
  load(
    name: string,
    index: Uint8Array<ArrayBuffer>,
    others?: readonly Uint8Array<ArrayBuffer>[],
  ): Promise<void>;
  options(more?: AddToIndexOptions): AddToIndexOptions;
  create(name: string, images: readonly string[], more?: AddToIndexOptions): Promise<StoredIndex>;
}

/** Opens the store. */
export async function indexFixture(): Promise<IndexFixture> {
  const rework = reworkFixture();
  const { store, pool } = rework;
  await rework.load(amd, arm, riscv);
  const warnings: string[] = [];
  const options = (more: AddToIndexOptions = {}): AddToIndexOptions => ({
    onWarning: (message) => void warnings.push(message),
    ...more,
  });
  return {
    store,
    warnings,
    options,
    load: async (...args) => void await loadImages(store, archive(...args), { pool }),
    create: (name, images, more) => createIndex(store, images, { name, ...options(more) }),
    [Symbol.asyncDispose]: () => rework[Symbol.asyncDispose](),
  };
}

/** Platforms and digests of what an index names. */
export const shown = ({ index }: StoredIndex): [string, string][] =>
  index.manifests.map(({ platform, digest }) => [platform ? formatPlatform(platform) : "", digest]);
export const AMD: [string, string] = ["linux/amd64", amd.descriptor.digest];
export const ARM: [string, string] = ["linux/arm64", arm.descriptor.digest];
export const RISCV: [string, string] = ["linux/riscv64", riscv.descriptor.digest];
export const OF_AMD: [string, string] = ["unknown/unknown", ofAmd.entry.digest];
export const OF_ARM: [string, string] = ["unknown/unknown", ofArm.entry.digest];

/** The error that a call is refused with. */
export async function refused(call: () => Promise<unknown>): Promise<VarveError> {
  return await assertRejects(call, VarveError);
}
