/** Each verb in the form that is installed: one file, of which a verb loads its own parts. */
import { assertEquals } from "@std/assert";
import { serveRegistry } from "../../lib/registry_server/mod.ts";
import { openStore } from "../../lib/store/mod.ts";
import { compileSelfExtracting } from "../support/compile/self_extracting.ts";
import { missing, needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { call, prepare } from "../support/permissions/machine.ts";
import { PERMISSION_ROWS } from "../support/permissions/rows.ts";

const ROOT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

Deno.test({
  name: "each verb works in the one file",
  ...needs({}),
  async fn(t) {
    await using temp = await tempDir();
    const file = temp.join("varve");
    await compileSelfExtracting({ root: ROOT, version: "9.8.7" }, file, 1);
    await using served = await openStore({ root: temp.join("served"), durability: "none" });
    await using server = await serveRegistry(served);
    const words = await prepare(temp, new URL(server.url).host, [file]);
    const isPrivileged = missing({ root: true, mount: true, tools: ["busybox"] }).length === 0;
    for (const row of PERMISSION_ROWS.filter((row) => isPrivileged || !row.isPrivileged)) {
      await t.step(row.verbs.join(", "), async () => {
        for (const command of row.commands) {
          const { code, stderr } = await call([file], command, words);
          assertEquals([code, stderr.includes("Error: ")], [0, false], `${command}: ${stderr}`);
        }
      });
    }
  },
});
