// No descriptor is left open, neither by what succeeds nor by what fails.
import { assertEquals } from "@std/assert";
import { fromText } from "../../../../lib/bytes/mod.ts";
import { bindMount, performMount, performUnmount } from "../../../../lib/linux/mod.ts";
import { arena, layerOf, verdictOf } from "../../../support/extraction/arena.ts";
import { leakTest } from "../../../support/machine/leaks.ts";
import { needs } from "../../../support/machine/needs.ts";
import type { TarFixture } from "../../../support/tar/tar_fixture.ts";

const FILES: readonly TarFixture[] = Array.from({ length: 60 }, (_, i) => ({
  name: `d${i}/e/f`,
  content: "x".repeat(100),
}));

leakTest("an extraction closes what it opens", needs({ root: true }), async () => {
  await using place = await arena();
  assertEquals(place.extract([layerOf(FILES)]).files, 60);
});

leakTest("a failed extraction closes what it opened", needs({ root: true }), async () => {
  await using place = await arena();
  const layer = layerOf(FILES);
  const cut = { ...layer, tar: layer.tar.slice(0, layer.tar.length / 2) };
  assertEquals(verdictOf(() => place.extract([cut])), "E_DAMAGE");
});

leakTest("a refused mount and a mounted one leave nothing", needs({ mount: true }), async () => {
  await using place = await arena();
  const root = fromText(place.root);
  assertEquals(
    verdictOf(() =>
      performMount({ type: "overlay", source: root, options: ["lowerdir=/none"] }, root)
    ),
    "E_SYSCALL",
  );
  assertEquals(verdictOf(() => performMount(bindMount(root), fromText("/none"))), "E_SYSCALL");
  performMount(bindMount(root), root);
  performUnmount(root);
});
