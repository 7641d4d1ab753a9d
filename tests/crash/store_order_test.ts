import { assert, assertEquals } from "@std/assert";
import { scenarioOf } from "../support/faults/scenarios.ts";
import { Stage } from "../support/faults/stage.ts";
import { buildSupervisor, needsSupervisor } from "../support/faults/supervisor.ts";

Deno.test({
  name: "J08: without durability only the mark and the database are synced",
  ...needsSupervisor(),
  fn: async () => {
    await using supervisor = await buildSupervisor();
    await using stage = await Stage.open(scenarioOf("load"), supervisor);
    await stage.reset();
    const { code, calls } = await stage.run(undefined, false, { VARVE_DURABILITY: "none" });
    assertEquals(code, 0);
    const syncs = calls.filter(({ name }) => name === "sync" || name === "syncfs");
    const { root } = stage.scene;
    const synced = syncs.map(({ paths: [path = ""] }) => path.slice(root.length + 1));
    const of = synced.filter((path) => !path.startsWith("meta.db"));
    assertEquals(of.filter((path) => path !== "ingest" && path !== ""), []);
    assert(of.includes("ingest"), "the mark was not synced");
  },
});
