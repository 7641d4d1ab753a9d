import { assertEquals, assertStringIncludes } from "@std/assert";
import { lockHolder } from "../../../../lib/linux/mod.ts";
import { needs } from "../../../support/machine/needs.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

Deno.test({
  name: "lockHolder names the process that holds a lock, and nobody else",
  ...needs({}),
  async fn() {
    await using temp = await tempDir();
    const path = temp.join("a\nlock");
    assertEquals(lockHolder(path), undefined);
    await Deno.symlink(temp.path, temp.join("link"));
    {
      using file = await Deno.open(path, { write: true, create: true });
      assertEquals(lockHolder(path), undefined);
      await file.lock(true);
      const holder = lockHolder(temp.join("link/a\nlock"));
      assertEquals(holder?.pid, Deno.pid);
      assertStringIncludes(holder?.command as string, "deno");
    }
    assertEquals(lockHolder(path), undefined);
  },
});
