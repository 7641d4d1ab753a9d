import { assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../../../lib/errors.ts";
import { openStore } from "../../../../lib/store/mod.ts";
import { leakTest } from "../../../support/machine/leaks.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

leakTest(
  "a first write that fails is tried again by the next, and the store can be closed",
  async () => {
    await using temp = await tempDir();
    const [ingest, away] = [temp.join("store", "ingest"), temp.join("away")];
    {
      await using store = await openStore({ root: temp.join("store") });
      await Deno.rename(ingest, away);
      await assertRejects(() => store.ingest(), VarveError, "no such file");
      await Deno.rename(away, ingest);
      await using begun = await store.ingest();
      await begun.blob(new TextEncoder().encode("{}"), "application/json");
      await begun.commit();
      assertEquals(store.blobs.list().length, 1);
    }
    {
      await using store = await openStore({ root: temp.join("store") });
      await Deno.rename(ingest, away);
      await assertRejects(() => store.ingest(), VarveError, "no such file");
      await Deno.rename(away, ingest);
    }
  },
);
