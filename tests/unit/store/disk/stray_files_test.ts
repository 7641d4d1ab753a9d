import { assertEquals } from "@std/assert";
import { openStore } from "../../../../lib/store/mod.ts";
import { checkStore } from "../../../../lib/upkeep/mod.ts";
import { leakTest } from "../../../support/machine/leaks.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

leakTest(
  "a store opens after a kill, whatever files somebody has put into its directories",
  async () => {
    await using temp = await tempDir();
    const root = temp.join("store");
    await (await openStore({ root }))[Symbol.asyncDispose]();
    await Deno.writeTextFile(`${root}/content/blobs/README`, "text");
    await Deno.writeTextFile(`${root}/snapshots/7`, "text");
    await Deno.symlink("8", `${root}/snapshots/8`);
    // The lock of a process that was killed.
    await Deno.writeTextFile(`${root}/ingest/0123456789abcdef.lock`, "");
    await using store = await openStore({ root });
    assertEquals(await Deno.readTextFile(`${root}/lost/7`), "text");
    assertEquals(await Deno.readLink(`${root}/snapshots/8`), "8");
    assertEquals((await Array.fromAsync(Deno.readDir(`${root}/ingest`))).map(({ name }) => name), [
      "index.lock",
    ]);
    const kinds = (await checkStore(store)).map(({ kind, what }) => `${kind} ${what}`);
    assertEquals(kinds, ["stray content/blobs/README", "snapshot snapshots/8"]);
  },
);
