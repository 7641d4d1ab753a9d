/** Makes, reads and removes snapshots of one chain again and again, and prints what went wrong. A process for {@linkcode startRacer}. */
import { fromText } from "../../../lib/bytes/mod.ts";
import { performMount, performUnmount } from "../../../lib/linux/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { createSnapshotter, selectDriver } from "../../../lib/snapshot/mod.ts";
import { openStore } from "../../../lib/store/mod.ts";

const [root = "", parent = "", name = "", rounds = "0"] = Deno.args;
await using store = await openStore({ root, durability: "none" });
await using pool = createPool({ inline: true });
const driver = selectDriver(store, { pool, wanted: "erofs" });
const snapshotter = createSnapshotter(store, { driver });
const target = `${root}/../${name}`;
await Deno.mkdir(target);
const wrong: string[] = [];
await Deno.stdout.write(new TextEncoder().encode("ready\n"));
await Deno.stdin.read(new Uint8Array(1));
for (let round = 0; round < Number(rounds); round++) {
  const key = `${name} ${round}`;
  try {
    const mounts = await snapshotter[round % 2 === 0 ? "view" : "prepare"](key, parent);
    for (const mount of mounts) performMount(mount, fromText(target));
    const text = await Deno.readTextFile(`${target}/a`).catch(() => "nothing");
    if (text !== "content") wrong.push(`${key} shows ${text}`);
    performUnmount(fromText(target));
    await snapshotter.remove(key);
  } catch (error) {
    wrong.push(`${key}: ${error}`);
  }
}
await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(wrong)}\n`));
