import { assertEquals, assertRejects } from "@std/assert";
import { loadImages, saveImages } from "../../lib/archive/mod.ts";
import { VarveError } from "../../lib/errors.ts";
import { createPool } from "../../lib/pool/mod.ts";
import { openMemoryStore, type Store } from "../../lib/store/mod.ts";
import {
  type ArchiveFiles,
  archiveTar,
  blobPath,
  buildImage,
  describe,
  dockerFiles,
  hybridFiles,
  jsonBytes,
  ociFiles,
  writeArchive,
} from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { type TarFixture, tarOf } from "../support/tar/tar_fixture.ts";

/** The verdict of a load, the same from a file and from a stream; a rejected one leaves nothing. */
async function verdict(archive: Uint8Array<ArrayBuffer>): Promise<string> {
  const seekable = await verdictOf(archive, false);
  assertEquals(await verdictOf(archive, true), seekable, "a stream and a file must agree");
  return seekable;
}

async function verdictOf(archive: Uint8Array<ArrayBuffer>, stream: boolean): Promise<string> {
  await using store = openMemoryStore();
  await using pool = createPool({ inline: true });
  await using temp = await tempDir();
  await Deno.writeFile(temp.join("a.tar"), archive);
  const source = stream ? ReadableStream.from([archive]) : temp.join("a.tar");
  try {
    await loadImages(store, source, { pool });
    return "OK";
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    assertNothing(store);
    return error.code;
  }
}

function assertNothing(store: Store): void {
  assertEquals(
    [store.images.list(), store.layers.list(), store.chains.list(), store.blobs.list()],
    [[], [], [], []],
  );
}

function withFiles(files: ArchiveFiles, changes: Record<string, unknown>): Uint8Array<ArrayBuffer> {
  const out = new Map(files);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) out.delete(name);
    else if (value instanceof Uint8Array) out.set(name, value as Uint8Array<ArrayBuffer>);
    else out.set(name, jsonBytes(value));
  }
  return archiveTar(out);
}

const image = () => sampleImage();

Deno.test("G01: a config or layer with a name outside of the archive", async () => {
  const files = dockerFiles([image()]);
  const item = JSON.parse(new TextDecoder().decode(files.get("manifest.json")))[0];
  for (const name of ["../../../etc/shadow", "/etc/passwd", "a/../../etc/passwd"]) {
    assertEquals(
      await verdict(withFiles(files, { "manifest.json": [{ ...item, Config: name }] })),
      "E_PATH_ESCAPE",
    );
    const layers = [name, ...item.Layers.slice(1)];
    assertEquals(
      await verdict(withFiles(files, { "manifest.json": [{ ...item, Layers: layers }] })),
      "E_PATH_ESCAPE",
    );
  }
  assertEquals(
    await verdict(withFiles(files, { "manifest.json": [{ ...item, Config: "etc/passwd" }] })),
    "E_MISSING",
  );
});

/** A docker-archive whose second layer entry is a link. */
function linked(links: readonly TarFixture[]): Uint8Array<ArrayBuffer> {
  const tar = tarOf([{ name: "f", content: "f" }]);
  const built = buildImage({ name: "a:1", layers: [tar, tar], packing: "none" });
  const entries: TarFixture[] = [
    { name: "one/layer.tar", content: tar },
    ...links,
    { name: "c.json", content: built.config },
    {
      name: "manifest.json",
      content: jsonBytes([{
        Config: "c.json",
        RepoTags: ["a:1"],
        Layers: ["one/layer.tar", "two/layer.tar"],
      }]),
    },
  ];
  return tarOf(entries);
}

Deno.test("G02: links between layers of an archive are followed inside of it only", async () => {
  const link = (name: string, target: string): TarFixture => ({ name, target, type: "symlink" });
  const hard = (name: string, target: string): TarFixture => ({ name, target, type: "hardlink" });
  assertEquals(await verdict(linked([link("two/layer.tar", "../one/layer.tar")])), "OK");
  assertEquals(await verdict(linked([hard("two/layer.tar", "one/layer.tar")])), "OK");
  const chain = (n: number) =>
    Array.from(
      { length: n },
      (_, i) =>
        link(
          i === 0 ? "two/layer.tar" : `l${i}`,
          i === n - 1
            ? (n === 1 ? "../" : "") + "one/layer.tar"
            : (i === 0 ? "../" : "") + `l${i + 1}`,
        ),
    );
  assertEquals(await verdict(linked(chain(8))), "OK");
  assertEquals(await verdict(linked(chain(9))), "E_FORMAT");
  assertEquals(
    await verdict(linked([link("two/layer.tar", "layer.tar")])),
    "E_FORMAT",
    "a loop of one",
  );
  assertEquals(await verdict(linked([link("two/layer.tar", "../../etc/passwd")])), "E_FORMAT");
  assertEquals(await verdict(linked([link("two/layer.tar", "/etc/passwd")])), "E_FORMAT");
  assertEquals(await verdict(linked([link("two/layer.tar", "/../one/layer.tar")])), "E_FORMAT");
  assertEquals(await verdict(linked([hard("two/layer.tar", "../one/layer.tar")])), "E_FORMAT");
});

Deno.test("G03: an empty manifest.json", async () => {
  const files = dockerFiles([image()]);
  for (const value of [null, {}, [], [null], [{}], "x"]) {
    const code = await verdict(withFiles(files, { "manifest.json": value }));
    assertEquals(["E_FORMAT", "E_JSON"].includes(code), true, `${JSON.stringify(value)}: ${code}`);
  }
  assertEquals(await verdict(withFiles(files, { "manifest.json": undefined })), "E_FORMAT");
});

Deno.test("G05: the number of layers must be that of the diffIDs", async () => {
  const files = dockerFiles([image()]);
  const item = JSON.parse(new TextDecoder().decode(files.get("manifest.json")))[0];
  const fewer = { ...item, Layers: item.Layers.slice(1) };
  assertEquals(await verdict(withFiles(files, { "manifest.json": [fewer] })), "E_FORMAT");
});

Deno.test("G06: layers inside a docker-archive may be compressed", async () => {
  for (const packing of ["none", "gzip", "zstd"] as const) {
    assertEquals(await verdict(archiveTar(dockerFiles([sampleImage({ packing })]))), "OK");
  }
});

Deno.test("G07: one layer file for two diffIDs", async () => {
  const files = dockerFiles([sampleImage({ packing: "none" })]);
  const item = JSON.parse(new TextDecoder().decode(files.get("manifest.json")))[0];
  const [first, , third] = item.Layers;
  const twice = { ...item, Layers: [first, first, third] };
  const code = await verdict(withFiles(files, { "manifest.json": [twice] }));
  assertEquals(["E_DIFFID", "E_DIGEST"].includes(code), true, code);
});

Deno.test("G09: an archive whose two forms contradict each other is read as OCI", async () => {
  const one = image();
  const other = buildImage({ name: "b:1", layers: [[{ name: "b", content: "b" }]] });
  const files = new Map([
    ...hybridFiles([one]),
    ["manifest.json", dockerFiles([other]).get("manifest.json") as Uint8Array<ArrayBuffer>],
  ]);
  await using store = openMemoryStore();
  await using pool = createPool({ inline: true });
  const [loaded] = await loadImages(store, ReadableStream.from([archiveTar(files)]), { pool });
  assertEquals(loaded?.imageId as string, one.imageId);
});

Deno.test("G10: a malformed layout is refused", async () => {
  const one = image();
  const files = ociFiles([one]);
  assertEquals(await verdict(withFiles(files, { "index.json": undefined })), "E_FORMAT");
  assertEquals(
    await verdict(withFiles(files, { "oci-layout": { imageLayoutVersion: "2.0.0" } })),
    "E_FORMAT",
  );
  assertEquals(
    await verdict(withFiles(files, { [blobPath(one.descriptor.digest)]: undefined })),
    "E_MISSING",
  );
  assertEquals(
    await verdict(withFiles(files, { [blobPath(one.imageId)]: undefined })),
    "E_MISSING",
  );
});

Deno.test("G10: a blob that is a link or a directory in a layout directory is not followed", async () => {
  for (const kind of ["link", "directory"] as const) {
    await using store = openMemoryStore();
    await using pool = createPool({ inline: true });
    await using temp = await tempDir();
    const one = image();
    await Deno.mkdir(temp.join("layout"));
    await writeArchive(temp.join("layout"), ociFiles([one]));
    const blob = temp.join("layout", blobPath(one.imageId));
    await Deno.rename(blob, temp.join("elsewhere"));
    if (kind === "link") await Deno.symlink(temp.join("elsewhere"), blob);
    else await Deno.mkdir(blob);
    const error = await assertRejects(
      () => loadImages(store, temp.join("layout"), { pool }),
      VarveError,
    );
    assertEquals(error.code, "E_FORMAT");
    assertNothing(store);
  }
});

Deno.test("G11: a blob whose bytes do not match its name", async () => {
  const one = image();
  const files = ociFiles([one]);
  for (
    const digest of [one.descriptor.digest, one.imageId, one.layers[0]?.descriptor.digest ?? ""]
  ) {
    const bytes = (files.get(blobPath(digest)) as Uint8Array<ArrayBuffer>).slice();
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    const code = await verdict(withFiles(files, { [blobPath(digest)]: bytes }));
    assertEquals(["E_DIGEST", "E_FORMAT", "E_JSON"].includes(code), true, `${digest}: ${code}`);
  }
});

Deno.test("G13: a chain of the store is used, and bad bytes for it are refused", async () => {
  await using store = openMemoryStore();
  await using pool = createPool({ inline: true });
  await using temp = await tempDir();
  const one = sampleImage({ packing: "gzip" });
  await Deno.writeFile(temp.join("good.tar"), archiveTar(ociFiles([one])));
  await loadImages(store, temp.join("good.tar"), { pool });
  const before = [store.layers.list(), store.blobs.list()];
  const digest = one.layers[0]?.descriptor.digest ?? "";
  const bad = new Uint8Array(one.layers[0]?.blob.length ?? 0).fill(1);
  await Deno.writeFile(
    temp.join("bad.tar"),
    withFiles(ociFiles([one]), { [blobPath(digest)]: bad }),
  );
  // From a file the bytes are not even read; as a stream they are, and are not what they claim to be.
  await loadImages(store, temp.join("bad.tar"), { pool });
  const bytes = await Deno.readFile(temp.join("bad.tar"));
  const error = await assertRejects(
    () => loadImages(store, ReadableStream.from([bytes]), { pool }),
    VarveError,
  );
  assertEquals(error.code, "E_DIGEST");
  assertEquals([store.layers.list(), store.blobs.list()], before);
});

Deno.test("F07: a wrong, a missing and an additional diffID", async () => {
  const one = image();
  const diffIds = one.layers.map(({ diffId }) => diffId);
  const [first = ""] = diffIds;
  const forged = (list: unknown) => ({ config: { rootfs: { type: "layers", diff_ids: list } } });
  const wrong = sampleImage(forged([diffIds[1], first, diffIds[2]]));
  const code = await verdict(archiveTar(ociFiles([wrong])));
  assertEquals(code, "E_DIFFID");
  assertEquals(
    await verdict(archiveTar(ociFiles([sampleImage(forged(diffIds.slice(1)))]))),
    "E_FORMAT",
  );
  const odd = await verdict(archiveTar(ociFiles([sampleImage(forged(null))])));
  assertEquals(["E_FORMAT", "E_NOT_IMAGE", "E_JSON"].includes(odd), true, odd);
});

Deno.test("F11: a document whose descriptor has an unknown media type is loaded and saved complete", async () => {
  const one = image();
  const child = { ...one.descriptor, mediaType: "application/x-unknown" };
  const nested = jsonBytes({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [child],
  });
  const outer = describe("application/x-unknown", nested);
  for (const [target, files] of [[child, {}], [outer, { [blobPath(outer.digest)]: nested }]]) {
    const index = { schemaVersion: 2, manifests: [target] };
    const archive = withFiles(ociFiles([one]), { "index.json": index, ...files });
    await using store = openMemoryStore();
    await using again = openMemoryStore();
    await using pool = createPool({ inline: true });
    const [loaded] = await loadImages(store, ReadableStream.from([archive]), { pool });
    const saved = await saveImages(store, loaded?.names ?? []);
    const [twice] = await loadImages(again, saved, { pool });
    assertEquals([twice?.chainId, twice?.manifest], [one.chainId, target?.digest]);
    assertEquals(store.images.list()[0]?.target.mediaType.includes("unknown"), false);
  }
});

Deno.test("E11: a compressed layer that is declared uncompressed, from a file and from a stream", async () => {
  const one = buildImage({ name: "example.org/e11:1", layers: [[{ name: "a" }]] });
  const called = (mediaType: string) => {
    const old = JSON.parse(new TextDecoder().decode(one.manifest));
    const layers = old.layers.map((layer: object) => ({ ...layer, mediaType }));
    const manifest = jsonBytes({ ...old, layers });
    const descriptor = describe(one.descriptor.mediaType, manifest);
    return archiveTar(ociFiles([{ ...one, manifest, descriptor }]));
  };
  assertEquals(await verdict(called("application/vnd.oci.image.layer.v1.tar")), "E_COMPRESSION");
  const zstd = called("application/vnd.oci.image.layer.v1.tar+zstd");
  assertEquals(await verdict(zstd), "OK");
  await using store = openMemoryStore();
  await using pool = createPool({ inline: true });
  const [image] = await loadImages(store, ReadableStream.from([zstd]), { pool });
  assertEquals(image?.layers[0]?.warnings.map(({ code }) => code), ["W_MEDIA_TYPE"]);
});

Deno.test("F02: a wrong size for a layer of the store", async () => {
  const one = image();
  const old = JSON.parse(new TextDecoder().decode(one.manifest));
  const layers = old.layers.map((layer: { size: number }) => ({ ...layer, size: layer.size + 1 }));
  const manifest = jsonBytes({ ...old, layers });
  const liar = { ...one, manifest, descriptor: describe(one.descriptor.mediaType, manifest) };
  await using store = openMemoryStore();
  await using pool = createPool({ inline: true });
  await using temp = await tempDir();
  await Deno.writeFile(temp.join("liar.tar"), archiveTar(ociFiles([liar])));
  await loadImages(store, ReadableStream.from([archiveTar(ociFiles([one]))]), { pool });
  const load = () => loadImages(store, temp.join("liar.tar"), { pool });
  assertEquals((await assertRejects(load, VarveError)).code, "E_SIZE");
});

Deno.test("F17: nested indexes, up to the limit and beyond it", async () => {
  const type = "application/vnd.oci.image.index.v1+json";
  const nested = (depth: number) => {
    const one = image();
    const files: Record<string, unknown> = {};
    let target = one.descriptor;
    // index.json itself is none of the image's.
    for (let at = 0; at < depth; at++) {
      const index = jsonBytes({ schemaVersion: 2, mediaType: type, manifests: [target] });
      target = describe(type, index);
      files[blobPath(target.digest)] = index;
    }
    files["index.json"] = { schemaVersion: 2, manifests: [target] };
    return withFiles(ociFiles([one]), files);
  };
  assertEquals(await verdict(nested(4)), "OK");
  assertEquals(await verdict(nested(5)), "E_LIMIT");
});

Deno.test("F26: one blob cannot be two layers", async () => {
  await using store = openMemoryStore();
  await using pool = createPool({ inline: true });
  const one = sampleImage({ packing: "gzip" });
  await loadImages(store, ReadableStream.from([archiveTar(ociFiles([one]))]), { pool });
  const liar = sampleImage({
    packing: "gzip",
    name: "example.org/liar:1",
    config: {
      rootfs: {
        type: "layers",
        diff_ids: [one.layers[1]?.diffId, one.layers[0]?.diffId, one.layers[2]?.diffId],
      },
    },
  });
  const error = await assertRejects(
    () => loadImages(store, ReadableStream.from([archiveTar(ociFiles([liar]))]), { pool }),
    VarveError,
  );
  assertEquals(error.code, "E_DIFFID");
  assertEquals(store.images.list().length, 1);
});

Deno.test("archive: a duplicate entry is refused, whatever its type", async () => {
  const files = [...ociFiles([image()])];
  const entries: TarFixture[] = files.map(([name, content]) => ({ name, content }));
  const again: TarFixture = { name: "./index.json", content: "{}" };
  assertEquals(await verdict(tarOf([...entries, again])), "E_NAME_CLASH");
});

Deno.test("archive: a duplicate layer in a slow stream gives one clear error", async () => {
  const files = [...dockerFiles([image()])].map(([name, content]) => ({ name, content }));
  const twice = files.find(({ name }) => name.endsWith("layer.tar")) as TarFixture;
  const bytes = tarOf([...files, twice]).subarray(0, -1024);
  // Other tasks run between chunks, which never end: a failure must not be left to the runtime then.
  const slow = ReadableStream.from((async function* () {
    yield bytes;
    for (let at = 0;; at++) {
      await new Promise((resolve) => setTimeout(resolve));
      yield tarOf([{ name: `d${at}/` }]).subarray(0, 512);
    }
  })());
  await using store = openMemoryStore();
  await using pool = createPool({ inline: true });
  const error = await assertRejects(() => loadImages(store, slow, { pool }), VarveError);
  assertEquals(error.code, "E_NAME_CLASH");
  assertNothing(store);
});

Deno.test("archive: one that is cut off anywhere leaves nothing", async () => {
  const whole = archiveTar(ociFiles([sampleImage({ packing: "gzip" })]));
  for (let length = 0; length < whole.length - 1024; length += 1777) {
    const code = await verdict(whole.slice(0, length));
    assertEquals(code === "OK", false, `cut at ${length}`);
  }
});
