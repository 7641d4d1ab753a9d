/** What is fuzzed: how a good input is made, and how varve judges it. */
import { gzipSync, zstdCompressSync } from "node:zlib";
import { Decompressor } from "../../../lib/codec/compress/mod.ts";
import { type DiffId, sha256 } from "../../../lib/digest/mod.ts";
import { isBadData } from "../../../lib/errors.ts";
import { LayerScanner } from "../../../lib/layer_job/scanner.ts";
import { parseArchiveManifest, parseDocument, parseImageConfig } from "../../../lib/oci/mod.ts";
import { jsonBytes } from "../../support/images/images.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import type { Prng } from "../../support/prng.ts";
import { tarOf } from "../../support/tar/tar_fixture.ts";
import { repairChecksums } from "./mutate.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** One kind of input. */
export interface Subject {
  readonly name: string;
  /** A good input. */
  make(random: Prng): Bytes;
  /** Mends what would hide all other damage. */
  mend?(bytes: Bytes, random: Prng): Bytes;
  /** What varve makes of it, as text; throws what varve throws. The pieces are the same bytes, cut anyhow. */
  judge(pieces: readonly Bytes[]): string;
}

function whole(pieces: readonly Bytes[]): Bytes {
  const out = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

const image = sampleImage();

function randomTar(random: Prng): Bytes {
  if (random.chance(0.3)) return random.pick(image.layers).tar.slice();
  const names = [
    "a",
    "d/",
    "d/b",
    "d/.wh.b",
    "d/.wh..wh..opq",
    "../x",
    "l",
    "l/x",
    "n".repeat(140),
  ];
  return tarOf(Array.from({ length: random.int(1, 8) }, () => ({
    name: random.pick(names),
    ...(random.chance(0.3) ? { target: random.pick(["a", "/", "..", "d"]) } : {}),
    ...(random.chance(0.2)
      ? { type: random.pick(["hardlink", "char", "fifo", "global"] as const) }
      : {}),
    ...(random.chance(0.3)
      ? { pax: { [random.pick(["size", "path", "mtime", "uid", "GNU.sparse.map"])]: "1" } }
      : {}),
    ...(random.chance(0.3) ? { xattrs: { "user.x": random.bytes(3) } } : {}),
    ...(random.chance(0.5) ? { content: random.bytes(random.int(0, 1100)) } : {}),
  })));
}

const tar: Subject = {
  name: "tar",
  make: randomTar,
  mend: (bytes, random) => random.chance(0.85) ? repairChecksums(bytes) : bytes,
  judge(pieces) {
    const scanner = new LayerScanner();
    for (const piece of pieces) scanner.push(piece);
    const { tree, warnings } = scanner.finish(sha256(whole(pieces)) as DiffId);
    return `${tree.digest} ${warnings.map(({ code, count }) => `${code} ${count}`).join()}`;
  },
};

function stream(name: string, pack: (bytes: Uint8Array) => Uint8Array): Subject {
  return {
    name,
    make(random) {
      const members = Array.from({ length: random.int(1, 4) }, () => {
        const bytes = random.chance(0.5)
          ? random.bytes(random.int(0, 900))
          : new Uint8Array(random.int(0, 9000));
        return new Uint8Array(pack(bytes));
      });
      return whole(members);
    },
    judge(pieces) {
      using decompressor = new Decompressor({ compression: name as "gzip" | "zstd" });
      const out: Bytes[] = [];
      const sink = (bytes: Uint8Array) => void out.push(new Uint8Array(bytes));
      for (const piece of pieces) decompressor.push(piece, sink);
      decompressor.end(sink);
      return sha256(whole(out));
    },
  };
}

const decoder = new TextDecoder();
const DOCUMENTS: readonly Bytes[] = [
  image.manifest,
  image.config,
  jsonBytes({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{
      ...image.descriptor,
      platform: { os: "linux", architecture: "arm", variant: "v7" },
    }],
    annotations: { a: "b" },
  }),
  jsonBytes([{ Config: "a.json", RepoTags: ["a:1"], Layers: ["b/layer.tar"] }]),
];

const document: Subject = {
  name: "document",
  make: (random) => random.pick(DOCUMENTS).slice(),
  judge(pieces) {
    const bytes = whole(pieces);
    const verdicts = [parseDocument, parseImageConfig, parseArchiveManifest].map((parse) => {
      try {
        return decoder.decode(jsonBytes(Object.keys(parse(bytes))));
      } catch (error) {
        if (!isBadData(error)) throw error;
        return error.code;
      }
    });
    return verdicts.join(" ");
  },
};

/** Everything that is fuzzed. */
export const SUBJECTS: readonly Subject[] = [
  tar,
  stream("gzip", (bytes) => gzipSync(bytes)),
  stream("zstd", (bytes) => zstdCompressSync(bytes)),
  document,
];
