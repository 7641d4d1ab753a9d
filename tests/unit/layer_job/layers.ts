/** Layers for the layer job's tests. */
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type DiffId, type Digest, sha256 } from "../../../lib/digest/mod.ts";
import type { LayerJobInput } from "../../../lib/layer_job/internal.ts";
import type { LayerTarget } from "../../../lib/layer_job/mod.ts";
import { prng } from "../../support/prng.ts";
import { type TarFixture, tarOf } from "../../support/tar/tar_fixture.ts";

/** A layer in one compression, with its digests. */
export interface TestLayer {
  readonly compression: "none" | "gzip" | "zstd";
  readonly mediaType: string;
  readonly blob: Uint8Array<ArrayBuffer>;
  readonly digest: Digest;
  readonly tar: Uint8Array<ArrayBuffer>;
  readonly diffId: DiffId;
}

/** A layer of the given entries. */
export function layerOf(
  entries: readonly TarFixture[],
  compression: TestLayer["compression"] = "none",
): TestLayer {
  return compressed(tarOf(entries), compression);
}

/** A layer of the given tar. */
export function compressed(
  tar: Uint8Array<ArrayBuffer>,
  compression: TestLayer["compression"],
): TestLayer {
  const blob = compression === "none"
    ? tar
    : new Uint8Array(compression === "gzip" ? gzipSync(tar) : zstdCompressSync(tar));
  const suffix = compression === "none" ? "" : `+${compression}`;
  return {
    compression,
    mediaType: `application/vnd.oci.image.layer.v1.tar${suffix}`,
    blob,
    digest: sha256(blob),
    tar,
    diffId: sha256(tar) as DiffId,
  };
}

/** Entries of all types, and files with sizes around those of a block and of a buffer. */
export const ENTRIES: readonly TarFixture[] = [
  { name: "./", mode: 0o755 },
  { name: "etc/", mode: 0o755 },
  { name: "etc/link", target: "../somewhere" },
  { name: "bin/tool", mode: 0o4755, content: "#!/bin/sh\n", xattrs: { "user.a": "b" } },
  { name: "bin/same", type: "hardlink", target: "bin/tool" },
  { name: "etc/.wh.gone", content: "" },
  { name: "opt/.wh..wh..opq", content: "" },
  { name: `long/${"x".repeat(200)}`, content: "long" },
  { name: "dev/null", type: "char", major: 1, minor: 3 },
  ...[0, 1, 511, 512, 513, 100_000, 262_144, 300_000].map((size) => ({
    name: `data/${size}`,
    content: prng(size).bytes(size),
  })),
];

/** A layer of {@linkcode ENTRIES} in each compression. */
export const LAYERS: readonly TestLayer[] = (["none", "gzip", "zstd"] as const).map((name) =>
  layerOf(ENTRIES, name)
);

/** What a descriptor says of a layer. */
export function expectedOf(layer: TestLayer): LayerJobInput["expected"] {
  const { digest, diffId, mediaType, blob } = layer;
  return { digest, diffId, mediaType, size: blob.length };
}

/** Input for a layer from the job's stream into memory. */
export function streamInput(
  layer: TestLayer,
  expected: Partial<LayerJobInput["expected"]> = {},
): LayerJobInput {
  return {
    source: { kind: "stream" },
    target: { kind: "memory" },
    expected: { ...expectedOf(layer), ...expected },
  };
}

/** The bytes in pieces of `size`; the last one may be shorter. */
export async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** A target of files in a directory; `blob`: whether the compressed bytes are kept. */
export function filesIn(directory: string, blob = true): LayerTarget & { kind: "files" } {
  return {
    kind: "files",
    tar: `${directory}/layer.tar`,
    tree: `${directory}/tree`,
    blob: blob ? `${directory}/blob` : null,
  };
}
