// An image of a directory, pushed to a registry and pulled back.
// deno run --allow-read --allow-write --allow-sys=uid --allow-ffi --allow-net=localhost,127.0.0.1 examples/round_trip.ts STORE DIR
import { importDirectory, openMemoryStore, openStore } from "@varve/varve";
import { pullImage, pushImage, serveRegistry } from "@varve/varve";

const [root = "", directory = ""] = Deno.args;
await using store = await openStore({ root });
const image = await importDirectory(store, directory, { name: "mine:1" });
await using served = openMemoryStore();
await using registry = await serveRegistry(served);
const name = `localhost:${registry.port}/mine:1`;
await pushImage(store, image, name, { compression: "zstd" });
await using other = openMemoryStore();
const pulled = await pullImage(other, name);
console.log(`${pulled.names[0]} is ${pulled.chainId === image.chainId ? "the same" : "another"}`);
