// An image made and read in memory, without any permission.
// deno run examples/memory_store.ts
import { TarStream, type TarStreamInput } from "@std/tar";
import { createPool, importImage, openFile, openMemoryStore } from "@varve/varve";

const text = new Blob(["hello\n"]);
const file = { type: "file", path: "greeting", size: text.size, readable: text.stream() } as const;
const tar = ReadableStream.from<TarStreamInput>([file]).pipeThrough(new TarStream());
await using pool = createPool({ inline: true }); // workers need read access to their files
await using store = openMemoryStore();
const image = await importImage(store, tar, { name: "greeting:1", pool });
console.log(image.names[0], image.layers.length);
console.log(await new Response(await openFile(store, image, "/greeting")).text());
