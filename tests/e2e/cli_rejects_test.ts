import { assertEquals, assertMatch } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { assertJsonError, stateOf } from "../support/cli/store_state.ts";
import {
  type ArchiveFiles,
  archiveTar,
  blobPath,
  buildImage,
  type BuiltImage,
  describe,
  hybridFiles,
  jsonBytes,
  ociFiles,
  sha256Of,
} from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { prng } from "../support/prng.ts";
import { tarOf } from "../support/tar/tar_fixture.ts";

const NAME = "example.org/bad:1";
const bad = (spec: Parameters<typeof sampleImage>[0] = {}) => sampleImage({ name: NAME, ...spec });

/** The image with another blob for one layer, and a manifest that describes that blob correctly. */
function withBlob(image: BuiltImage, at: number, blob: Uint8Array<ArrayBuffer>): BuiltImage {
  const layers = image.layers.map((layer, i) =>
    i === at ? { ...layer, blob, descriptor: describe(layer.descriptor.mediaType, blob) } : layer
  );
  const old = JSON.parse(new TextDecoder().decode(image.manifest));
  const manifest = jsonBytes({ ...old, layers: layers.map(({ descriptor }) => descriptor) });
  return {
    ...image,
    layers,
    manifest,
    descriptor: describe(image.descriptor.mediaType, manifest),
  };
}

function changed(files: ArchiveFiles, name: string, bytes?: Uint8Array<ArrayBuffer>): ArchiveFiles {
  const out = new Map(files);
  if (bytes === undefined) out.delete(name);
  else out.set(name, bytes);
  return out;
}

function flipped(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const out = bytes.slice();
  out[out.length >> 1] = (out[out.length >> 1] as number) ^ 1;
  return out;
}

function wrongDiffId(): ArchiveFiles {
  const diffIds = bad().layers.map(({ diffId }) => diffId);
  const config = { rootfs: { type: "layers", diff_ids: [...diffIds.slice(0, 2), sha256Of("no")] } };
  return hybridFiles([bad({ config })]);
}

function unknownMediaType(): ArchiveFiles {
  const image = bad();
  const old = JSON.parse(new TextDecoder().decode(image.manifest));
  const layers = old.layers.map((layer: object) => ({ ...layer, mediaType: "application/x-no" }));
  const manifest = jsonBytes({ ...old, layers });
  return ociFiles([{ ...image, manifest, descriptor: describe(old.mediaType, manifest) }]);
}

const first = bad().layers[0] as BuiltImage["layers"][number];
const gzip = first.blob;
const cutTar = first.tar.slice(0, 60_000);

/** Archives with one error each, and the error code of a load. The exit code is always 7. */
const CASES: Readonly<Record<string, readonly [code: string, tar: () => Uint8Array<ArrayBuffer>]>> =
  {
    "a wrong diffID": ["E_DIFFID", () => archiveTar(wrongDiffId())],
    "a wrong compressed digest": ["E_DIGEST", () => {
      const { digest } = first.descriptor;
      return archiveTar(changed(ociFiles([bad()]), blobPath(digest), flipped(gzip)));
    }],
    "a truncated gzip": ["E_TRUNCATED", () => {
      return archiveTar(ociFiles([withBlob(bad(), 0, gzip.slice(0, gzip.length - 20))]));
    }],
    "a cut layer tar": ["E_TRUNCATED", () => {
      return archiveTar(hybridFiles([buildImage({ name: NAME, layers: [cutTar] })]));
    }],
    "a cut archive": ["E_TRUNCATED", () => archiveTar(ociFiles([bad()])).slice(0, 9000)],
    "a missing layer": ["E_MISSING", () => {
      return archiveTar(changed(hybridFiles([bad()]), blobPath(first.descriptor.digest)));
    }],
    "an unknown media type": ["E_MEDIA_TYPE", () => archiveTar(unknownMediaType())],
    "an unsafe path": ["E_PATH_ESCAPE", () => {
      const layers = [[{ name: "ok", content: "ok" }], [{ name: "../victim", content: "x" }]];
      return archiveTar(hybridFiles([buildImage({ name: NAME, layers })]));
    }],
    "a name clash": ["E_NAME_CLASH", () => {
      const other = buildImage({ name: NAME, layers: [[{ name: "other", content: "o" }]] });
      return archiveTar(ociFiles([bad(), other]));
    }],
    "an entry twice": ["E_NAME_CLASH", () => {
      const entries = [...ociFiles([bad()])].map(([name, content]) => ({ name, content }));
      return tarOf([...entries, { name: "./oci-layout", content: "{}" }]);
    }],
    "no archive at all": ["E_FORMAT", () => tarOf([{ name: "hello", content: "world" }])],
  };

Deno.test("a bad archive gives one clear error and leaves the store unchanged", async (t) => {
  await using temp = await tempDir();
  const root = temp.join("store");
  const cli = new Cli(root);
  const good = buildImage({ name: "example.org/good:1", layers: [[{ name: "a", content: "a" }]] });
  await Deno.writeFile(temp.join("good.tar"), archiveTar(hybridFiles([good])));
  await cli.text(["load", temp.join("good.tar")]);
  await cli.text(["snapshot", "prepare", "work", "example.org/good:1", "--driver", "native"]);
  const before = await stateOf(root);
  for (const [what, [code, tar]] of Object.entries(CASES)) {
    await t.step(what, async () => {
      const path = temp.join("bad.tar");
      await Deno.writeFile(path, tar());
      const json = ["--format", "json", "--progress", "none"];
      assertJsonError(await cli.any(["load", path, ...json]), code, 7);
      const { code: exit, stdout, stderr } = await cli.any(["load", "-", "--quiet"], {
        stdin: tar(),
      });
      assertEquals([exit, stdout], [7, ""]);
      assertMatch(stderr, /^varve: Cannot [^\n]+\n$/);
      assertEquals(await stateOf(root), before);
    });
  }
});

Deno.test({
  name:
    "a full disk gives one clear error and leaves the store unchanged; the same command works once there is space",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    await using temp = await tempDir();
    const disk = temp.join("disk");
    await Deno.mkdir(disk);
    await run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", disk]);
    const cli = new Cli(`${disk}/store`);
    const good = buildImage({ name: "example.org/a:1", layers: [[{ name: "a", content: "a" }]] });
    const content = prng(7).bytes(8 * 2 ** 20);
    const large = buildImage({ name: "example.org/b:1", layers: [[{ name: "b", content }]] });
    await Deno.writeFile(temp.join("a.tar"), archiveTar(ociFiles([good])));
    await Deno.writeFile(temp.join("b.tar"), archiveTar(ociFiles([large])));
    await cli.text(["load", temp.join("a.tar")]);
    const before = await stateOf(`${disk}/store`);
    const json = ["--format", "json", "--progress", "none"];
    for (const source of [temp.join("b.tar"), "-"]) {
      const stdin = await Deno.readFile(temp.join("b.tar"));
      const said = await cli.any(["load", source, ...json], { stdin });
      assertJsonError(said, "E_SYSCALL", 12);
      assertEquals(JSON.parse(said.stderr).error.errno, "ENOSPC");
      assertEquals(await stateOf(`${disk}/store`), before);
    }
    await run(["mount", "-o", "remount,size=64m", disk]);
    const { images } = await cli.json(["load", temp.join("b.tar")]);
    assertEquals(images[0].imageId, large.imageId);
  },
});
