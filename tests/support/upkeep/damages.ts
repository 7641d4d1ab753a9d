/** Each kind of damage that a store can have, made by flipped bytes, cut and removed files, and changed rows. */
import { cut, flip, forgeParts, GZIP, NAME, PLAIN, type SickStore } from "./sick_store.ts";

/** A kind of damage, and how a check finds it. */
export interface DamageCase {
  readonly title: string;
  /** Whether only a deep check finds it. */
  readonly deep: boolean;
  /** Makes the damage. */
  make(store: SickStore): Promise<void> | void;
  /** The kind of the finding. */
  readonly kind: string;
  /** Found in `what` of the finding. */
  readonly what: RegExp;
  /** What heals it. */
  readonly by: "--repair" | "--from" | "--rebuild" | "hand";
  /** One of those that the finding affects; absent when it affects nothing. */
  readonly affects?: string;
}

const IMAGE = `image ${NAME}`;

/** Moves something out of the store, and leaves a link to it in its place. */
async function linkAway(path: string): Promise<void> {
  const away = `${path.slice(0, path.indexOf("/store/"))}/away`;
  await Deno.rename(path, away);
  await Deno.symlink(away, path);
}

/** All of them. */
export const DAMAGES: readonly DamageCase[] = [
  {
    title: "a byte of a compressed blob",
    deep: true,
    make: (store) => flip(store.blob(store.image.layers[GZIP]!.descriptor.digest)),
    kind: "blob",
    what: /^content\/blobs\/sha256\//,
    by: "--from",
    affects: IMAGE,
  },
  {
    title: "a compressed blob is missing",
    deep: false,
    make: (store) => Deno.remove(store.blob(store.image.layers[GZIP]!.descriptor.digest)),
    kind: "blob",
    what: /^content\/blobs\/sha256\//,
    by: "--from",
    affects: IMAGE,
  },
  {
    title: "the blob of an uncompressed layer is missing",
    deep: false,
    make: (store) => Deno.remove(store.blob(store.image.layers[PLAIN]!.diffId)),
    kind: "blob",
    what: /^content\/blobs\/sha256\//,
    by: "--repair",
    affects: IMAGE,
  },
  {
    title: "a compressed blob is gone with its row",
    deep: true,
    make: async (store) => {
      const { digest } = store.image.layers[GZIP]!.descriptor;
      store.sql("DELETE FROM blob WHERE digest = ?", digest);
      await Deno.remove(store.blob(digest));
    },
    kind: "blob",
    what: /^content\/blobs\/sha256\//,
    by: "--from",
    affects: IMAGE,
  },
  {
    title: "a link in the place of a compressed blob",
    deep: false,
    make: (store) => linkAway(store.blob(store.image.layers[GZIP]!.descriptor.digest)),
    kind: "blob",
    what: /^content\/blobs\/sha256\//,
    by: "--from",
    affects: IMAGE,
  },
  {
    title: "a link in the place of a tar",
    deep: false,
    make: (store) => linkAway(store.layer(GZIP, "layer.tar")),
    kind: "layer",
    what: /layer\.tar of layer sha256:/,
    by: "--repair",
    affects: IMAGE,
  },
  {
    title: "a directory in the place of a tar",
    deep: false,
    make: async (store) => {
      await Deno.remove(store.layer(GZIP, "layer.tar"));
      await Deno.mkdir(store.layer(GZIP, "layer.tar"));
    },
    kind: "layer",
    what: /layer\.tar of layer sha256:/,
    by: "hand",
    affects: IMAGE,
  },
  {
    title: "a byte of the tar of a compressed layer",
    deep: true,
    make: (store) => flip(store.layer(GZIP, "layer.tar")),
    kind: "layer",
    what: /layer\.tar of layer sha256:/,
    by: "--repair",
    affects: "snapshot work",
  },
  {
    title: "a tar is cut",
    deep: false,
    make: (store) => cut(store.layer(GZIP, "layer.tar")),
    kind: "layer",
    what: /layer\.tar of layer sha256:/,
    by: "--repair",
    affects: IMAGE,
  },
  {
    title: "a byte of the tar of an uncompressed layer, which is its blob, too",
    deep: true,
    make: (store) => flip(store.layer(PLAIN, "layer.tar")),
    kind: "layer",
    what: /layer\.tar of layer sha256:/,
    by: "--from",
    affects: IMAGE,
  },
  {
    title: "the directory of a layer is missing",
    deep: false,
    make: (store) => Deno.remove(store.layer(GZIP), { recursive: true }),
    kind: "layer",
    what: /layer\.tar of layer sha256:/,
    by: "--repair",
    affects: IMAGE,
  },
  {
    title: "a byte of a tree",
    deep: true,
    make: (store) => flip(store.layer(GZIP, "tree")),
    kind: "tree",
    what: /tree of layer sha256:/,
    by: "--repair",
    affects: IMAGE,
  },
  {
    title: "a tree is missing",
    deep: false,
    make: (store) => Deno.remove(store.layer(GZIP, "tree")),
    kind: "tree",
    what: /tree of layer sha256:/,
    by: "--repair",
    affects: IMAGE,
  },
  {
    title: "a byte of a composed image",
    deep: true,
    make: (store) => flip(store.chain("erofs/image")),
    kind: "composed",
    what: /^chains\/\d+\/erofs\/image$/,
    by: "--repair",
    affects: IMAGE,
  },
  {
    title: "a byte of image.json",
    deep: true,
    make: (store) => flip(store.chain("erofs/image.json"), 30),
    kind: "composed",
    what: /^chains\/\d+\/erofs\/image/,
    by: "--repair",
    affects: IMAGE,
  },
  {
    title: "a byte of an extracted file of a layer",
    deep: true,
    make: (store) => flip(store.layer(GZIP, "fs/home/user/notes")),
    kind: "extracted",
    what: /^layers\/\d+\/fs\/home\/user\/notes$/,
    by: "--repair",
    affects: IMAGE,
  },
  {
    title: "a byte of an extracted file of a chain",
    deep: true,
    make: (store) => flip(store.chain("fs/bin/tool")),
    kind: "extracted",
    what: /^chains\/\d+\/fs\/bin\//,
    by: "--repair",
    affects: IMAGE,
  },
  {
    title: "an extracted file is missing",
    deep: true,
    make: (store) => Deno.remove(store.layer(GZIP, "fs/etc/passwd")),
    kind: "extracted",
    what: /^layers\/\d+\/fs\/etc\/passwd$/,
    by: "--repair",
  },
  {
    title: "the mode of an extracted file",
    deep: true,
    make: (store) => Deno.chmod(store.layer(GZIP, "fs/etc/passwd"), 0o666),
    kind: "extracted",
    what: /^layers\/\d+\/fs\/etc\/passwd$/,
    by: "--repair",
  },
  {
    title: "a byte of a config",
    deep: true,
    make: (store) => flip(store.blob(store.image.imageId)),
    kind: "document",
    what: /^content\/blobs\/sha256\//,
    by: "--from",
    affects: IMAGE,
  },
  {
    title: "a manifest is missing",
    deep: false,
    make: (store) => Deno.remove(store.blob(store.image.descriptor.digest)),
    kind: "document",
    what: /^content\/blobs\/sha256\//,
    by: "--from",
    affects: IMAGE,
  },
  {
    title: "a config is gone with its row",
    deep: true,
    make: async (store) => {
      store.sql("DELETE FROM blob WHERE digest = ?", store.image.imageId);
      await Deno.remove(store.blob(store.image.imageId));
    },
    kind: "document",
    what: /^content\/blobs\/sha256\//,
    by: "--from",
    affects: IMAGE,
  },
  {
    title: "a file of the content without a row",
    deep: false,
    make: (store) => store.sql("DELETE FROM blob WHERE digest = ?", store.image.imageId),
    kind: "blob",
    what: /^content\/blobs\/sha256\//,
    by: "--repair",
    affects: IMAGE,
  },
  {
    title: "the directory of a layer without a row",
    deep: false,
    make: (store) =>
      store.sql("DELETE FROM layer WHERE diff_id = ?", store.image.layers[GZIP]!.diffId),
    kind: "layer",
    what: /^layers\/\d+ of layer sha256:/,
    by: "--repair",
  },
  {
    title: "the directory of a snapshot without a row",
    deep: false,
    make: (store) => store.sql("DELETE FROM snapshot WHERE key = 'work'"),
    kind: "snapshot",
    what: /^snapshots\/\d+ of snapshot work$/,
    by: "--repair",
  },
  {
    title: "the files of a snapshot are missing",
    deep: false,
    make: (store) => Deno.remove(store.snapshot("work", "fs"), { recursive: true }),
    kind: "snapshot",
    what: /^snapshots\/\d+\/fs of snapshot work$/,
    by: "hand",
    affects: "snapshot work",
  },
  {
    title: "the directory of a chain is missing",
    deep: false,
    make: (store) => Deno.remove(store.chain(), { recursive: true }),
    kind: "composed",
    what: /^chains\/\d+ of chain sha256:/,
    by: "--repair",
  },
  {
    title: "a link in the place of the directory of a chain",
    deep: false,
    make: (store) => linkAway(store.chain()),
    kind: "stray",
    what: /^chains\/\d+$/,
    by: "hand",
  },
  {
    title: "the directory of a chain without a row",
    deep: false,
    make: (store) => store.sql("DELETE FROM chain WHERE chain_id = ?", store.image.chainId),
    kind: "composed",
    what: /^chains\/\d+ of chain sha256:/,
    by: "--repair",
  },
  {
    title: "a chain is gone with its row",
    deep: true,
    make: async (store) => {
      await Deno.remove(store.chain(), { recursive: true });
      store.sql("DELETE FROM chain WHERE chain_id = ?", store.image.chainId);
    },
    kind: "row",
    what: /^row of chain sha256:/,
    by: "--repair",
    affects: IMAGE,
  },
  {
    title: "the row that says which layer a blob is",
    deep: false,
    make: (store) =>
      store.sql(
        "DELETE FROM layer_blob WHERE digest = ?",
        store.image.layers[GZIP]!.descriptor.digest,
      ),
    kind: "row",
    what: /^row of layer_blob /,
    by: "--repair",
    affects: IMAGE,
  },
  {
    title: "the marker of another layer",
    deep: false,
    make: async (store) => {
      await Deno.remove(store.layer(GZIP, "marker"));
      await Deno.copyFile(store.layer(PLAIN, "marker"), store.layer(GZIP, "marker"));
    },
    kind: "marker",
    what: /^layers\/\d+\/marker$/,
    by: "--repair",
    affects: IMAGE,
  },
  {
    title: "the marker of a chain in the directory of a snapshot",
    deep: false,
    make: async (store) => {
      await Deno.remove(store.snapshot("work", "marker"));
      await Deno.copyFile(store.chain("marker"), store.snapshot("work", "marker"));
    },
    kind: "marker",
    what: /^snapshots\/\d+\/marker$/,
    by: "--repair",
    affects: "snapshot work",
  },
  {
    title: "a marker is missing",
    deep: false,
    make: (store) => Deno.remove(store.layer(GZIP, "marker")),
    kind: "marker",
    what: /^layers\/\d+\/marker$/,
    by: "--repair",
  },
  {
    title: "a marker is cut",
    deep: false,
    make: (store) => cut(store.snapshot("work", "marker")),
    kind: "marker",
    what: /^snapshots\/\d+\/marker$/,
    by: "--repair",
  },
  {
    title: "index.json has other content",
    deep: false,
    make: async (store) => {
      const path = store.path("content/index.json");
      const text = await Deno.readTextFile(path);
      await Deno.writeTextFile(path, text.replace("sample", "simple"));
    },
    kind: "index",
    what: /index\.json/,
    by: "--repair",
  },
  {
    title: "a mode by which others may write",
    deep: false,
    make: (store) => Deno.chmod(store.layer(GZIP, "layer.tar"), 0o666),
    kind: "mode",
    what: /layer\.tar$/,
    by: "--repair",
  },
  {
    title: "a stray file",
    deep: false,
    make: (store) => Deno.writeTextFile(store.path("layers/notes.txt"), "mine"),
    kind: "stray",
    what: /^layers\/notes\.txt$/,
    by: "hand",
  },
  {
    title: "the size in the row of a layer",
    deep: false,
    make: (store) =>
      store.sql(
        "UPDATE layer SET size = size + 1 WHERE diff_id = ?",
        store.image.layers[GZIP]!.diffId,
      ),
    kind: "marker",
    what: /^layers\/\d+\/marker$/,
    by: "--rebuild",
    affects: IMAGE,
  },
  {
    title: "the tree digest in the row of a layer",
    deep: false,
    make: (store) =>
      store.sql(
        "UPDATE layer SET tree_digest = replace(tree_digest, substr(tree_digest, -4), '0000') WHERE diff_id = ?",
        store.image.layers[GZIP]!.diffId,
      ),
    kind: "marker",
    what: /^layers\/\d+\/marker$/,
    by: "--rebuild",
  },
  {
    title: "the layer of a blob",
    deep: false,
    make: (store) =>
      store.sql(
        "UPDATE layer_blob SET diff_id = ? WHERE digest = ?",
        store.image.layers[PLAIN]!.diffId,
        store.image.layers[GZIP]!.descriptor.digest,
      ),
    kind: "row",
    what: /^row of layer_blob /,
    by: "--rebuild",
    affects: IMAGE,
  },
  {
    title: "what a document names",
    deep: true,
    make: forgeParts,
    kind: "row",
    what: /^row of part /,
    by: "--rebuild",
    affects: IMAGE,
  },
  {
    title: "the parent of a chain",
    deep: false,
    make: (store) =>
      store.sql(
        "UPDATE chain SET parent_chain_id = NULL WHERE chain_id = ?",
        store.image.chainId,
      ),
    kind: "row",
    what: /^row of chain /,
    by: "--rebuild",
  },
  {
    title: "the layer of a chain has no row",
    deep: false,
    make: (store) =>
      store.sql("UPDATE chain SET diff_id = replace(diff_id, substr(diff_id, -4), '0000')"),
    kind: "dangling",
    what: /^row of chain /,
    by: "--rebuild",
  },
  {
    title: "the target of an image",
    deep: false,
    make: (store) => store.sql(`UPDATE image SET target = replace(target, '"size":', '"sise":')`),
    kind: "row",
    what: /^row of image /,
    by: "--rebuild",
    affects: IMAGE,
  },
  {
    title: "an image without a target",
    deep: false,
    make: (store) => store.sql("DELETE FROM blob WHERE digest = ?", store.image.descriptor.digest),
    kind: "dangling",
    what: /^row of image /,
    by: "--rebuild",
    affects: IMAGE,
  },
  {
    title: "the key of a snapshot",
    deep: false,
    make: (store) => store.sql("UPDATE snapshot SET key = 'wurk' WHERE key = 'work'"),
    kind: "marker",
    what: /^snapshots\/\d+\/marker$/,
    by: "--rebuild",
    affects: "snapshot wurk",
  },
  {
    title: "the labels of a snapshot",
    deep: false,
    make: (store) =>
      store.sql(
        "UPDATE snapshot SET labels = replace(labels, 'a test', 'a fest') WHERE key = 'work'",
      ),
    kind: "marker",
    what: /^snapshots\/\d+\/marker$/,
    by: "--rebuild",
  },
  {
    title: "a snapshot without a parent",
    deep: false,
    make: (store) => store.sql("UPDATE snapshot SET parent = 'gone' WHERE key = 'work'"),
    kind: "dangling",
    what: /^row of snapshot work$/,
    by: "--rebuild",
    affects: "snapshot work",
  },
  {
    title: "a database that is older than the files",
    deep: false,
    make: (store) => store.sql("UPDATE state SET value = 1 WHERE key = 'next_cache_id'"),
    kind: "database",
    what: /^the database$/,
    by: "--rebuild",
  },
];
