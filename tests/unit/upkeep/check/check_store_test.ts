/** Every kind of damage is found: by the quick check, or, where only the bytes show it, by the deep one. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { needs } from "../../../support/machine/needs.ts";
import { DAMAGES } from "../../../support/upkeep/damages.ts";
import { findings, NAME, sickStore } from "../../../support/upkeep/sick_store.ts";

const NEEDS = needs({ root: true, mount: true, kernel: "6.12" });

Deno.test({
  name: "a sound store: loaded, mounted by every driver, written to, committed: nothing is found",
  ...NEEDS,
  async fn() {
    await using store = await sickStore();
    assertEquals(await findings(store, "fsck"), []);
    assertEquals(await findings(store, "fsck", "--deep"), []);
    for (
      const args of [
        ["commit", "work", "example.org/new:1"],
        ["tag", NAME, "example.org/other:1"],
        ["squash", NAME, "example.org/flat:1"],
        ["snapshot", "commit", "kept", "work"],
        ["rmi", NAME],
      ]
    ) {
      const { code, stderr } = await store.on(args);
      assertEquals(code, 0, stderr);
      assertEquals(await findings(store, "fsck", "--deep"), [], args.join(" "));
    }
  },
});

for (const { title, deep, make, kind, what, by, affects } of DAMAGES) {
  Deno.test({
    name: `fsck finds: ${title}`,
    ...NEEDS,
    async fn() {
      await using store = await sickStore();
      await make(store);
      if (deep && kind !== "document") assertEquals(await findings(store, "fsck"), []);
      const found = await findings(store, "fsck", ...(deep ? ["--deep"] : []));
      const own = found.find((one) =>
        one.kind === kind && what.test(one.what) && one.healedBy.includes(by)
      );
      assert(own !== undefined, JSON.stringify(found, null, 1));
      if (affects !== undefined) assert(own.affects.includes(affects), JSON.stringify(own));
      const { stdout, code } = await store.on(["fsck", ...(deep ? ["--deep"] : [])]);
      assertEquals(code, 3);
      for (const line of stdout.trimEnd().split("\n")) assertMatch(line, /^[a-z]+: .*: expected /);
    },
  });
}
