import { assertEquals } from "@std/assert";
import { Paths } from "../../../../lib/store/disk/paths.ts";
import { emptyTrash } from "../../../../lib/store/disk/trash.ts";
import { namesIn } from "../../../../lib/store/disk/system.ts";
import { openStore } from "../../../../lib/store/mod.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";
import { needs } from "../../../support/machine/needs.ts";
import { run } from "../../../support/machine/process.ts";

Deno.test("a start removes some trash in any case, and spends little time on much", async () => {
  await using temp = await tempDir();
  const paths = new Paths(temp.path);
  const big = `${paths.trash}/1.big`;
  await Deno.mkdir(big, { recursive: true });
  for (let i = 0; i < 1000; i++) await Deno.writeTextFile(`${big}/${i}`, "");
  // A clock by which every look takes a second.
  const { now } = performance;
  let time = 0;
  performance.now = () => time += 1000;
  try {
    await emptyTrash(paths);
    const left = (await namesIn(big)).length;
    assertEquals(left < 1000 && left > 700, true, `${left} are left`);
    for (let i = 0; i < 4; i++) await emptyTrash(paths);
    assertEquals(await namesIn(paths.trash), []);
  } finally {
    performance.now = now;
  }
});

Deno.test({
  name: "gc tells what it cannot delete of the trash, and does not count its bytes",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using temp = await tempDir();
    await using store = await openStore({ root: temp.path });
    const { trash } = new Paths(temp.path);
    await Deno.mkdir(`${trash}/1.gone`);
    await Deno.mkdir(`${trash}/2.mounted/point`, { recursive: true });
    await run(["mount", "-t", "tmpfs", "none", `${trash}/2.mounted/point`]);
    try {
      const { removed, deferred } = await store.collector.collect();
      assertEquals(removed.map(({ name }) => name), ["1.gone"]);
      assertEquals(deferred.map(({ kind, name, bytes }) => [kind, name, bytes]), [
        ["trash", "2.mounted", 0],
      ]);
    } finally {
      await run(["umount", `${trash}/2.mounted/point`]);
    }
    const { removed, deferred } = await store.collector.collect();
    assertEquals([removed.map(({ name }) => name), deferred], [["2.mounted"], []]);
  },
});

Deno.test("a start removes locks that nobody holds, also after a clean end", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  await (await openStore({ root }))[Symbol.asyncDispose]();
  const { ingest } = new Paths(root);
  const names = ["gc.lock", "snapshot-7.lock", `sha256:${"0".repeat(64)}.lock`];
  for (const name of names) await Deno.writeTextFile(`${ingest}/${name}`, "");
  using held = await Deno.open(`${ingest}/${names[1]}`, { write: true });
  held.lockSync(true);
  await (await openStore({ root }))[Symbol.asyncDispose]();
  assertEquals((await namesIn(ingest)).filter((name) => names.includes(name)), [names[1]]);
});
