/** What drivers show of a stack of layers is what folding the layers' trees gives. */
import { assertEquals } from "@std/assert";
import { foldLayers } from "../../lib/layer/mod.ts";
import { listing } from "../support/extraction/arena.ts";
import { needs } from "../support/machine/needs.ts";
import { forSeeds } from "../support/prng.ts";
import { DRIVER_NAMES, mountAt, snapshotFixture } from "../support/snapshots/snapshot_fixture.ts";
import { randomStack } from "../support/trees/random_stack.ts";
import { sorted, treeListing, withoutLinks } from "../support/trees/tree_listing.ts";

const CASES = 250;

for (const driver of DRIVER_NAMES) {
  Deno.test({
    name: `${driver}: ${CASES} views and snapshots of random stacks equal their root trees`,
    ...needs({ root: true, mount: true, kernel: "6.6" }),
    async fn() {
      await using fixture = await snapshotFixture(driver, { inMemory: true });
      const { snapshotter, store } = fixture;
      const native = driver === "native";
      const show = (path: string) => native ? listing(path) : withoutLinks(listing(path));
      await forSeeds(CASES, async (random, seed) => {
        const { chainId, diffIds } = await fixture.chain(randomStack(random));
        const root = foldLayers(await Promise.all(diffIds.map((id) => store.layers.tree(id))));
        const expected = treeListing(root, native);
        const parent = snapshotter.ensureChain(chainId);
        const mounts = await snapshotter[random.pick(["view", "prepare"] as const)](
          `${seed}`,
          parent,
        );
        await using mounted = await mountAt(mounts, fixture.temp.join("mnt"));
        assertEquals(sorted(show(mounted.path)), expected);
      });
    },
  });
}
