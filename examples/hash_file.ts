// One file of an image, hashed.
// deno run --allow-read=STORE --allow-write=STORE --allow-sys=uid examples/hash_file.ts STORE IMAGE PATH
import { createHasher, openFile, openStore } from "@varve/varve";

const [root = "", image = "", path = ""] = Deno.args;
await using store = await openStore({ root, create: false });
const hasher = createHasher("sha256");
for await (const chunk of await openFile(store, image, path)) hasher.update(chunk);
console.log(`${hasher.digest()} ${path}`);
