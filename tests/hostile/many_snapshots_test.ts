/** A store with very many snapshots. */
import { assert, assertEquals } from "@std/assert";
import { mountNamespace } from "../../lib/snapshot/internal.ts";
import { openStore } from "../../lib/store/mod.ts";
import { Cli } from "../support/cli/cli.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { threadCpuTime } from "../support/machine/cpu_time.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { waitUntil } from "../support/machine/wait.ts";

/** A store with snapshots, half of which have a parent. */
async function makeSnapshots(root: string, count: number): Promise<void> {
  await using store = await openStore({ root, durability: "none" });
  const parent = `sha256:${"a".repeat(64)}`;
  const labels = { "containerd.io/gc.root": "2026-01-01", "app": "x" };
  const times = { createdAt: 1, updatedAt: 1, usage: null, diffId: null } as const;
  store.snapshots.transact((table) => {
    for (let i = 0; i < count; i++) {
      const row = { key: `key-${i}`, kind: "active", parent: i % 2 ? parent : null } as const;
      table.put({ ...row, cacheId: i + 1, labels, ...times });
    }
  });
}

Deno.test("J24: 100,000 snapshots are listed within 2 s of CPU, as text and as JSON", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  await makeSnapshots(root, 100_000);
  const varve = commandOn(root);
  for (const args of [["snapshot", "ls"], ["snapshot", "ls", "--format", "json"], ["ps"]]) {
    const begin = threadCpuTime();
    const { code, stdout } = await varve(args);
    const spent = threadCpuTime() - begin;
    assertEquals(code, 0);
    if (args.includes("json")) assertEquals(JSON.parse(stdout).length, 100_000);
    else assertEquals(stdout.split("\n").length, args[0] === "ps" ? 2 : 100_002);
    assert(spent <= 2_000, `${args.join(" ")} took ${spent} ms of CPU`);
  }
});

Deno.test({
  name: "J24: 20,000 leases of mounts of an ended namespace are judged within 2 s of CPU",
  ...needs({}),
  async fn() {
    await using temp = await tempDir();
    const root = temp.join("store");
    {
      await using store = await openStore({ root, durability: "none" });
      const [boot] = mountNamespace().split(" ");
      for (let i = 0; i < 20_000; i++) {
        const labels = { "varve.mount": `/mnt/${i}`, "varve.mount.namespace": `${boot} mnt:[1]` };
        store.leases.create({
          ...{ id: `mount:/mnt/${i}`, labels, resources: [] },
          ...{ createdAt: 1, expiresAt: null },
        });
      }
    }
    const begin = threadCpuTime();
    const { code, stdout } = await commandOn(root)(["mount", "--format", "json"]);
    const spent = threadCpuTime() - begin;
    assertEquals([code, stdout], [0, "[]\n"]);
    assert(spent <= 2_000, `it took ${spent} ms of CPU`);
  },
});

Deno.test("J24: snapshot ls of very many snapshots ends at once at SIGTERM", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  await makeSnapshots(root, 200_000);
  const varve = new Cli(root);
  const [program = "", ...args] = varve.command(["snapshot", "ls"]);
  const child = new Deno.Command(program, { args, env: varve.env, stdout: "piped" }).spawn();
  // It has begun to print, and waits for a reader or goes on: both end.
  const reader = child.stdout.getReader();
  await waitUntil("the first lines", async () => (await reader.read()).value !== undefined);
  child.kill("SIGTERM");
  const { signal } = await child.status;
  assertEquals(signal, "SIGTERM");
  await reader.cancel();
});
