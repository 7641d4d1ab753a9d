/** Fills the disk under an open store, and then writes rows until that fails: `ROOT DISK`. */
// deno-lint-ignore-file no-console
import { VarveError } from "../../../lib/errors.ts";
import { CWD, openDirectoryAt, ownFd, syncFileSystem } from "../../../lib/linux/mod.ts";
import { fromText } from "../../../lib/bytes/mod.ts";
import { openStore } from "../../../lib/store/mod.ts";

const [root, disk] = Deno.args as [string, string];
const EMPTY = { diffId: null, usage: null, parent: null, cacheId: null } as const;

await using store = await openStore({ root });

function put(key: string): void {
  const labels = { text: "x".repeat(3000) };
  store.snapshots.transact((table) =>
    table.put({ ...EMPTY, key, kind: "active", labels, createdAt: 0, updatedAt: 0 })
  );
}

/** A copy-on-write file system takes a new block for a page that was written back. */
function writeBack(): void {
  using directory = ownFd(openDirectoryAt(CWD, fromText(disk)));
  syncFileSystem(directory.fd);
}

async function fill(path: string, piece: number): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  while (await file.write(new Uint8Array(piece)) === piece);
}

put("first");
for (const piece of [1024 * 1024, 4096, 512]) {
  await fill(`${disk}/filler-${piece}`, piece).catch(() => {});
  writeBack();
}
let error: unknown;
for (let i = 0; error === undefined && i < 5000; i++) {
  try {
    if (i % 8 === 0) writeBack();
    put(`key-${i}`);
  } catch (thrown) {
    error = thrown;
  }
}
console.log(error instanceof VarveError ? `${error.code} ${error.details.errno}` : error);
console.log(`rows ${store.snapshots.read((table) => table.list()).length}`);
