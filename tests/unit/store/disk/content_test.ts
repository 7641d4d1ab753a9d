import { assertEquals, assertRejects } from "@std/assert";
import { VarveError } from "../../../../lib/errors.ts";
import { type DiskStore, openStore } from "../../../../lib/store/mod.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";
// Opens libc before the first test begins.
import "../../../support/machine/needs.ts";

/** Stores a blob of a size. @returns its digest, its bytes and the path of its file */
async function blobOf(store: DiskStore, root: string, size: number) {
  await using ingest = await store.ingest();
  const bytes = new Uint8Array(size).fill(7);
  const { digest } = await ingest.blob(bytes, "application/x.test");
  await ingest.commit();
  return { digest, bytes, path: `${root}/content/blobs/${digest.replace(":", "/")}` };
}

for (const size of [0, 1000, 64 * 1024, 64 * 1024 + 1, 1_000_000]) {
  Deno.test(`a blob of ${size} bytes: read, longer or other bytes, missing, a limit`, async () => {
    await using temp = await tempDir("varve-content-");
    const root = temp.join("store");
    await using store = await openStore({ root, durability: "none" });
    const { digest, bytes, path } = await blobOf(store, root, size);
    const code = async () => (await assertRejects(() => store.blobs.read(digest), VarveError)).code;
    const isNoted = () => store.blobs.stat(digest)?.verifiedAt === 0;
    assertEquals(await store.blobs.read(digest, size), bytes);
    if (size > 0) {
      const limited = await assertRejects(() => store.blobs.read(digest, size - 1), VarveError);
      assertEquals([limited.code, isNoted()], ["E_LIMIT", false]);
    }
    await Deno.chmod(path, 0o600);
    await Deno.writeFile(path, new Uint8Array(1), { append: true });
    assertEquals([await code(), isNoted()], ["E_SIZE", true]);
    if (size > 0) {
      await Deno.writeFile(path, bytes.with(size - 1, 8));
      assertEquals(await code(), "E_DIGEST");
      await Deno.truncate(path, size - 1);
      assertEquals(await code(), "E_SIZE");
    }
    await Deno.writeFile(path, bytes);
    assertEquals(await store.blobs.read(digest), bytes);
    await Deno.remove(path);
    assertEquals([await code(), isNoted()], ["E_DAMAGE", true]);
  });
}
