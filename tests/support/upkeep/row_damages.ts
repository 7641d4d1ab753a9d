/** Damage of rows, of what they name, and of markers. */
import { type DamageCase, IMAGE } from "./damage_case.ts";
import { cut, forgeParts, GZIP, linkAway, NAME, PLAIN, turnDigit } from "./sick_store.ts";

/** All of it. */
export const ROW_DAMAGES: readonly DamageCase[] = [
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
    title: "a byte in the marker of a chain",
    deep: false,
    make: (store) => turnDigit(store.chain("marker"), '"chainID":"sha256:'),
    kind: "marker",
    what: /^chains\/\d+\/marker$/,
    by: "--repair",
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
    title: "the row of an image, whose name index.json shows",
    deep: false,
    make: (store) => store.sql("DELETE FROM image WHERE name = ?", NAME),
    kind: "index",
    what: /^content\/index\.json$/,
    by: "--rebuild",
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
