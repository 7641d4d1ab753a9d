/** Prepares the keys `key 0`, `key 1` … on one parent, and prints the code of each attempt. A process for {@linkcode startRacer}. */
import { createPool } from "../../../lib/pool/mod.ts";
import { createSnapshotter, selectDriver } from "../../../lib/snapshot/mod.ts";
import { openStore } from "../../../lib/store/mod.ts";
import { codeOf } from "../code_of.ts";

const [root = "", wanted = "", parent = "", rounds = "0"] = Deno.args;
await using store = await openStore({ root, durability: "none" });
await using pool = createPool({ inline: true });
const snapshotter = createSnapshotter(store, { driver: selectDriver(store, { pool, wanted }) });
await print("ready");
await Deno.stdin.read(new Uint8Array(1));
const codes: string[] = [];
for (let round = 0; round < Number(rounds); round++) {
  codes.push(await codeOf(() => snapshotter.prepare(`key ${round}`, parent)));
}
await print(JSON.stringify(codes));

async function print(line: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}
