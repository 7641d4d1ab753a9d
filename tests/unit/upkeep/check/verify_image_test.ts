/** The deep check of one image finds the damage of that image, and no other. */
import { assert, assertEquals } from "@std/assert";
import { archiveTar, buildImage, ociFiles } from "../../../support/images/images.ts";
import { needs } from "../../../support/machine/needs.ts";
import {
  findings,
  flip,
  GZIP,
  NAME,
  type SickStore,
  sickStore,
} from "../../../support/upkeep/sick_store.ts";

const OTHER = "example.org/other:1";

/** Damage of the sample image, each found by its verification. */
const DAMAGES: readonly [kind: string, damage: (store: SickStore) => Promise<void> | void][] = [
  ["blob", (store) => flip(store.blob(store.image.layers[GZIP]!.descriptor.digest))],
  ["layer", (store) => flip(store.layer(GZIP, "layer.tar"))],
  ["tree", (store) => flip(store.layer(GZIP, "tree"))],
  ["document", (store) => flip(store.blob(store.image.imageId))],
  ["composed", (store) => flip(store.chain("erofs/image"))],
  ["extracted", (store) => flip(store.chain("fs/bin/tool"))],
  ["row", (store) => store.sql("UPDATE chain SET parent_chain_id = NULL")],
];

Deno.test({
  name: "verify: each damage of the image is found, and another image is sound",
  ...needs({ root: true, mount: true, kernel: "6.12" }),
  async fn() {
    for (const [kind, damage] of DAMAGES) {
      await using store = await sickStore();
      const other = buildImage({ name: OTHER, layers: [[{ name: "own", content: "other" }]] });
      await Deno.writeFile(`${store.root}-other.tar`, archiveTar(ociFiles([other])));
      assertEquals((await store.on(["load", `${store.root}-other.tar`])).code, 0);
      assertEquals(await findings(store, "verify", NAME), []);
      await damage(store);
      const found = await findings(store, "verify", NAME);
      assert(found.some((one) => one.kind === kind), `${kind}: ${JSON.stringify(found)}`);
      assertEquals(await findings(store, "verify", OTHER), [], kind);
    }
    await using store = await sickStore();
    assertEquals((await store.on(["verify", "none:1"])).code, 4);
  },
});
