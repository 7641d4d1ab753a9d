import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { lacksRecordLocks } from "../../../../lib/linux/mod.ts";
import { needs } from "../../../support/machine/needs.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

Deno.test({
  name: "lacksRecordLocks: a file that others lock has locks, and so has one that is missing",
  ...needs({}),
  async fn() {
    await using temp = await tempDir();
    const path = temp.join("file");
    assertEquals(lacksRecordLocks(path), false);
    using db = new DatabaseSync(path);
    db.exec("BEGIN EXCLUSIVE");
    assertEquals(lacksRecordLocks(path), false);
  },
});
