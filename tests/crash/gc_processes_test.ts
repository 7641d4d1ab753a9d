import { assert, assertEquals } from "@std/assert";
import { openStore } from "../../lib/store/mod.ts";
import { judgeIdle, judgeStore } from "../conformance/store_judge.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import type { GcTask, GcVerdict } from "./gc_child.ts";

const SCRIPT = new URL("./gc_child.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

async function runChild(task: GcTask): Promise<GcVerdict> {
  const args = ["run", "-A", "--no-check", "--no-lock", "--config", CONFIG, SCRIPT];
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: [...args, JSON.stringify(task)],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test({
  name:
    "P5: while one process collects garbage, two others load, read, prepare and remove what they share",
  ...needs({ root: true }),
  fn: async () => {
    await using temp = await tempDir();
    const root = temp.join("store"), until = temp.join("stop");
    await (await openStore({ root, durability: "none" }))[Symbol.asyncDispose]();
    const collector = runChild({ root, number: 9, rounds: 0, until });
    const workers = await Promise.all(
      [0, 1].map((number) => runChild({ root, number, rounds: 25 })),
    );
    await Deno.writeTextFile(until, "");
    const collected = await collector;
    assertEquals([collected, ...workers].flatMap(({ wrong }) => wrong), []);
    assert(collected.rounds > 5, `only ${collected.rounds} collections`);
    {
      await using store = await openStore({ root, durability: "none" });
      // Nothing was noted as damaged.
      assertEquals(store.blobs.list().filter(({ verifiedAt }) => verifiedAt === 0), []);
      assertEquals(store.layers.list().filter(({ verifiedAt }) => verifiedAt === 0), []);
      await judgeStore(store);
      await store.collector.collect();
      assertEquals([store.blobs.list(), store.layers.list(), store.chains.list()], [[], [], []]);
      await judgeStore(store);
    }
    await judgeIdle(root);
  },
});
