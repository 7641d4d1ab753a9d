import { assertEquals } from "@std/assert";
import { sha256 } from "../../../lib/digest/mod.ts";
import { dropKept, openKept } from "../../../lib/store/disk/kept_bytes.ts";
import { FileLock } from "../../../lib/store/disk/lock.ts";
import { Paths } from "../../../lib/store/disk/paths.ts";
import { openStore } from "../../../lib/store/mod.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

const DIGEST = sha256(new Uint8Array(1));

Deno.test("kept bytes that a finished layer shares are not continued", async () => {
  await using temp = await tempDir();
  const paths = new Paths(temp.path);
  await Deno.mkdir(paths.ingest);
  const { path } = await openKept(paths, DIGEST);
  await Deno.writeFile(path, new Uint8Array(7), { mode: 0o444 });
  assertEquals(await openKept(paths, DIGEST), { path, size: 7 });
  assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  const finished = temp.join("finished");
  await Deno.link(path, finished);
  await Deno.chmod(finished, 0o444);
  assertEquals(await openKept(paths, DIGEST), { path, size: 0 });
  await Deno.writeFile(path, new Uint8Array(9));
  const { size, mode } = await Deno.stat(finished);
  assertEquals([size, (mode ?? 0) & 0o777], [7, 0o444]);
});

Deno.test("kept bytes whose lock is held are left alone", async () => {
  await using temp = await tempDir();
  const paths = new Paths(temp.path);
  await Deno.mkdir(paths.ingest);
  const { path } = await openKept(paths, DIGEST);
  await Deno.writeFile(path, new Uint8Array(7));
  {
    using _ = await FileLock.acquire(`${paths.ingest}/${DIGEST}.lock`);
    await dropKept(paths, DIGEST);
    assertEquals((await Deno.stat(path)).size, 7);
  }
  await dropKept(paths, DIGEST);
  const left = await Array.fromAsync(Deno.readDir(paths.ingest));
  assertEquals(left.map(({ name }) => name), []);
});

Deno.test("a start removes kept bytes that are a week old, and no younger ones", async () => {
  await using temp = await tempDir();
  const paths = new Paths(temp.join("store"));
  const open = async () => await (await openStore({ root: paths.root }))[Symbol.asyncDispose]();
  await open();
  const { path } = await openKept(paths, DIGEST);
  await Deno.writeFile(path, new Uint8Array(7));
  await open();
  assertEquals((await Deno.stat(path)).size, 7);
  await Deno.utime(path, 0, Date.now() / 1000 - 8 * 24 * 3600);
  await open();
  assertEquals(
    await Array.fromAsync(Deno.readDir(paths.ingest)).then((files) =>
      files.filter(({ name }) => name.endsWith(".part"))
    ),
    [],
  );
});
