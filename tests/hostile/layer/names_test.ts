/** The identity of a layer: no image takes a layer away from others by another name for it. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { loadImages } from "../../../lib/archive/mod.ts";
import type { ChainId, DiffId, Digest } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { Database } from "../../../lib/store/disk/database/database.ts";
import { SCHEMA_VERSION, schemaOf } from "../../../lib/store/disk/database/schema.ts";
import {
  findImage,
  openMemoryStore,
  openStore,
  readImage,
  type Store,
} from "../../../lib/store/mod.ts";
import {
  type ArchiveFiles,
  archiveTar,
  buildImage,
  type BuiltImage,
  dockerFiles,
  ociFiles,
  type Packing,
  sha256Of,
} from "../../support/images/images.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { tarOf } from "../../support/tar/tar_fixture.ts";
import { WITHOUT_PARTS } from "../../support/old_stores/without_parts.ts";

const TAR = tarOf([{ name: "etc/os-release", content: "fixture" }]);
const ID = sha256Of(TAR) as DiffId;
const OTHER = sha512Of(TAR);
const FORMS: Readonly<Record<string, (images: readonly BuiltImage[]) => ArchiveFiles>> = {
  "a docker-archive": dockerFiles,
  "an OCI layout": ociFiles,
};

for (const [form, filesOf] of Object.entries(FORMS)) {
  for (const packing of ["none", "gzip"] as const) {
    for (const way of ["a file", "a stream"] as const) {
      for (const kind of ["memory", "disk"] as const) {
        for (const isFirst of [true, false]) {
          const what = `${isFirst ? "before" : "after"} them, ${form}, ${packing}, ${way}, ${kind}`;
          Deno.test(`K01: a diffID by SHA-512 does not keep the layer from others (${what})`, async () => {
            await using temp = await tempDir();
            await using store = kind === "memory"
              ? openMemoryStore()
              : await openStore({ root: temp.join("store"), durability: "none" });
            const load = (image: BuiltImage) =>
              loadFrom(store, archiveTar(filesOf([image])), way, temp.join("archive.tar"));
            const diffIds = isFirst ? [OTHER, ID, OTHER] : [ID, OTHER, ID];
            for (const [at, name] of ["a", "b", "c"].entries()) {
              await load(imageOf(name, diffIds[at] as DiffId, packing));
            }
            assertEquals(store.layers.list().map((layer) => layer.diffId), [ID]);
            assertEquals(store.layers.get(OTHER)?.diffId, ID);
            for (const name of ["a", "b", "c"]) {
              const image = await readImage(store, await findImage(store, name));
              assertEquals(image.layers.map((layer) => layer.diffId), [ID]);
              assertEquals<string | null>(image.chainId, ID);
              assertEquals(store.chains.diffIds(image.chainId as ChainId), [ID]);
            }
            assertEquals(await bytesOf(await store.layers.open(OTHER)), TAR);
            assert((await store.layers.tree(OTHER)).count > 0);
            // Names that were not proved are refused, whether the layer is here or not.
            const blob = imageOf("d", ID, packing).layers[0]?.blob as Uint8Array;
            const lies = [sha512Of(new Uint8Array(1)), sha256Of(new Uint8Array(1)) as DiffId];
            if (packing !== "none") lies.push(sha512Of(blob), sha256Of(blob) as DiffId);
            for (const lie of lies) {
              const error = await assertRejects(() => load(imageOf("d", lie, packing)), VarveError);
              assertEquals(error.code, "E_DIFFID", error.message);
            }
          });
        }
      }
    }
  }
}

Deno.test("K01: a store whose layer has a SHA-512 as its key is healed by the next load", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  const open = () => openStore({ root, durability: "none" });
  const load = async (image: BuiltImage) => {
    await using store = await open();
    await loadFrom(store, archiveTar(ociFiles([image])), "a file", temp.join("archive.tar"));
  };
  await load(imageOf("a", OTHER, "gzip"));
  {
    // What schema 3 made of this image.
    using db = new Database(`${root}/meta.db`);
    for (const sql of WITHOUT_PARTS) db.run(sql);
    for (const table of ["layer", "layer_blob", "chain"]) {
      assertEquals(db.run(`UPDATE ${table} SET diff_id = ?`, OTHER), 1);
    }
    db.run("UPDATE chain SET chain_id = ?", OTHER);
    db.run("DROP TABLE layer_name");
    db.run("ALTER TABLE image DROP COLUMN platform");
    db.run("PRAGMA user_version = 3");
  }
  {
    await using store = await open();
    using db = new Database(`${root}/meta.db`);
    assertEquals(schemaOf(db), SCHEMA_VERSION);
    const image = await readImage(store, await findImage(store, "a"));
    assertEquals(store.chains.diffIds(image.chainId as ChainId), [OTHER]);
    assertEquals(await bytesOf(await store.layers.open(OTHER)), TAR);
  }
  await load(imageOf("b", ID, "gzip"));
  await load(imageOf("c", OTHER, "gzip"));
  await using store = await open();
  assertEquals(
    store.layers.byBlob(imageOf("b", ID, "gzip").layers[0]?.descriptor.digest as Digest)?.diffId,
    ID,
  );
  for (const name of ["a", "b", "c"]) {
    const { chainId, layers } = await readImage(store, await findImage(store, name));
    for (const { diffId } of layers) {
      assertEquals(await bytesOf(await store.layers.open(diffId)), TAR);
    }
    assertEquals(store.chains.diffIds(chainId as ChainId).length, 1);
  }
});

/** An image of one layer, whose config gives the layer this diffID. */
function imageOf(name: string, diffId: DiffId, packing: Packing): BuiltImage {
  return buildImage({
    name: `docker.io/library/${name}:latest`,
    layers: [TAR],
    packing,
    config: { rootfs: { type: "layers", diff_ids: [diffId] } },
  });
}

async function loadFrom(
  store: Store,
  archive: Uint8Array<ArrayBuffer>,
  way: "a file" | "a stream",
  path: string,
): Promise<void> {
  await using pool = createPool({ inline: true });
  await Deno.writeFile(path, archive);
  const stream = new Response(archive).body as ReadableStream<Uint8Array>;
  await loadImages(store, way === "a file" ? path : stream, { pool });
}

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(
    await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer(),
  );
}

function sha512Of(bytes: Uint8Array): DiffId {
  return `sha512:${createHash("sha512").update(bytes).digest("hex")}` as DiffId;
}
