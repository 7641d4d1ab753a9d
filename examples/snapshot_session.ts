// A writable snapshot: mounted, changed, and committed as an image. As root.
// deno run --allow-read --allow-write --allow-sys=uid --allow-ffi examples/snapshot_session.ts STORE IMAGE DIR
import { commitSnapshot, createSnapshotter, fromText, openStore } from "@varve/varve";
import { performMount, performUnmount, readImage } from "@varve/varve";

const [root = "", name = "", directory = ""] = Deno.args;
await using store = await openStore({ root });
const { chainId } = await readImage(store, name);
const snapshotter = createSnapshotter(store);
const mounts = await snapshotter.prepare("session", chainId && snapshotter.ensureChain(chainId));
for (const mount of mounts) performMount(mount, fromText(directory));
await Deno.writeTextFile(`${directory}/made-here`, "kept\n");
for (const _ of mounts) performUnmount(fromText(directory));
snapshotter.release("session"); // nothing of the store stays mounted
console.log((await commitSnapshot(store, "session", { name: "made:1" })).imageId);
