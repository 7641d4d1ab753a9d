import { assertEquals } from "@std/assert";
import { lockServing, servingProcess } from "../../../../lib/store/internal.ts";
import { openStore } from "../../../../lib/store/mod.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

Deno.test({
  name: "the process that serves a store is found by its lock",
  fn: async () => {
    await using temp = await tempDir();
    const root = temp.join("store");
    assertEquals(servingProcess(root), undefined);
    await using store = await openStore({ root, durability: "none" });
    {
      using _ = await lockServing(store);
      assertEquals(servingProcess(root), Deno.pid);
    }
    assertEquals(servingProcess(root), undefined);
  },
});

Deno.test({
  name: "a process that may not look at a store finds none that serves it",
  permissions: { ffi: true, read: ["/proc"] },
  fn: () => assertEquals(servingProcess("/var/lib/varve"), undefined),
});
