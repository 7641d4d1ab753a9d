/**
 * Uses every entry point that needs no Deno, and prints what came out. The same program, bundled, must print the
 * same in Node and Bun.
 */
import { compress, decompress } from "../../../lib/codec/compress/mod.ts";
import { readErofs, writeErofs } from "../../../lib/codec/erofs/mod.ts";
import { TarReader, TarWriter, treeEntries, writeTree } from "../../../lib/codec/tar/mod.ts";
import { createHasher, type DiffId, sha256, verifyStream } from "../../../lib/digest/mod.ts";
import { isVarveError, VarveError } from "../../../lib/errors.ts";
import {
  applyLayer,
  chainIds,
  diffLayer,
  diffTrees,
  LayerBuilder,
} from "../../../lib/layer/mod.ts";
import { encodeConfig, parseImageConfig, parseReference } from "../../../lib/oci/mod.ts";
import {
  decodeTree,
  emptyTree,
  encodeTree,
  fromText,
  timestamp,
  toText,
  walk,
} from "../../../lib/tree/mod.ts";

const encoder = new TextEncoder();
const said: string[] = [];
const say = (what: string, value: unknown) => said.push(`${what}: ${value}`);

/** A layer tar with a directory, two files and a symbolic link. */
function layerTar(): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  const writer = new TarWriter((bytes) => pieces.push(bytes.slice()));
  const common = { uid: 0, gid: 0, mtime: timestamp(1), devmajor: 0, devminor: 0, xattrs: [] };
  const add = (path: string, type: "file" | "directory" | "symlink", text = "", link = "") => {
    const content = encoder.encode(text);
    const names = { path: fromText(path), linkname: fromText(link) };
    writer.entry({ ...common, ...names, type, mode: 0o755, size: content.length });
    writer.data(content);
    writer.endEntry();
  };
  add("etc/", "directory");
  add("etc/näme", "file", "varve\n".repeat(2000));
  add("etc/link", "symlink", "", "näme");
  add("empty", "file");
  writer.finish();
  return concatenated(pieces);
}

function concatenated(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

const tar = layerTar();
const diffId = sha256(tar) as DiffId;
say("digest", diffId);
const hasher = createHasher("sha512");
hasher.update(tar);
say("hasher", hasher.digest());
const verified = new Blob([tar]).stream().pipeThrough(
  verifyStream({ digest: diffId, size: tar.length }),
);
say("verified", (await new Response(verified).arrayBuffer()).byteLength);
say("chain", chainIds([diffId, diffId]).at(-1));

for (const format of ["gzip", "zstd"] as const) {
  const packed: Uint8Array[] = [];
  for await (const piece of compress([tar], { format })) packed.push(piece.slice());
  // Two members or frames, in pieces that are no multiples of anything.
  const twice = concatenated([...packed, ...packed]);
  const source: Uint8Array[] = [];
  for (let at = 0; at < twice.length; at += 1001) source.push(twice.subarray(at, at + 1001));
  const plain: Uint8Array[] = [];
  for await (const piece of decompress(source)) plain.push(piece.slice());
  say(format, sha256(concatenated(plain)) === sha256(concatenated([tar, tar])));
  try {
    for await (const _ of decompress([twice.subarray(0, twice.length - 3)]));
    say(`${format} cut`, "not noticed");
  } catch (error) {
    say(`${format} cut`, isVarveError(error) ? error.code : error);
  }
}

const builder = new LayerBuilder();
let due = false;
let content = createHasher();
const reader = new TarReader({
  entry(entry) {
    due = builder.entry(entry);
    content = createHasher();
  },
  data: (bytes) => content.update(bytes),
  hole: () => {},
  endEntry: () => due ? builder.content(content.bytes()) : undefined,
});
for (let at = 0; at < tar.length; at += 1000) reader.push(tar.subarray(at, at + 1000));
reader.end();
const layer = builder.finish(diffId).tree;
say("layer", layer.digest);
const root = applyLayer(emptyTree("root"), layer);
say("tree", decodeTree(concatenated(encodeTree(root))).digest === root.digest);
say("paths", Array.from(walk(root), ({ path }) => toText(path)).join(" "));
say("changes", Array.from(diffTrees(emptyTree("root"), root), ({ kind }) => kind).join(" "));
say(
  "diff",
  applyLayer(emptyTree("root"), diffLayer(emptyTree("root"), root)).digest === root.digest,
);
say("entries", Array.from(treeEntries(root), ({ path }) => toText(path)).join(" "));
const written: Uint8Array[] = [];
const bytes = encoder.encode("varve\n".repeat(2000));
for await (const chunk of writeTree(root, (_, { size }) => [bytes.subarray(0, size)])) {
  written.push(chunk.slice());
}
say("tar", sha256(concatenated(written)));

const image: Uint8Array[] = [];
const { devices, write } = writeErofs(root);
write((bytes) => image.push(bytes.slice()));
say("erofs", sha256(concatenated(image)));
const readLayer = {
  devices,
  read: (_: DiffId, at: number, length: number) => tar.subarray(at, at + length),
};
say("erofs read", Array.from(walk(readErofs(concatenated(image), readLayer))).length);

const platform = { os: "linux", architecture: "amd64" };
const config = encodeConfig({ platform, diffIds: [diffId], history: [] });
say("config", parseImageConfig(config).diffIds[0] === diffId);
say("reference", parseReference("debian:12").repository);
say("error", isVarveError(new VarveError("E_DIGEST", "Cannot read"), "E_DIGEST"));

// deno-lint-ignore no-console
console.log(said.join("\n"));
