import { assertThrows } from "@std/assert";
import { copyDatabase } from "../../../../lib/store/disk/database/copy.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

Deno.test("a database that cannot be copied says why, with a log beside it, too", async () => {
  await using temp = await tempDir();
  const path = temp.join("meta.db");
  await Deno.writeTextFile(path, "no database".repeat(1000));
  await Deno.writeTextFile(`${path}-wal`, "no log");
  assertThrows(() => copyDatabase(path), Error, "file is not a database");
});
