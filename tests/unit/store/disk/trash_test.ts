import { assertEquals } from "@std/assert";
import { Paths } from "../../../../lib/store/disk/paths.ts";
import { emptyTrash } from "../../../../lib/store/disk/trash.ts";
import { namesIn } from "../../../../lib/store/disk/system.ts";
import { openStore } from "../../../../lib/store/mod.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";
import "../../../support/machine/needs.ts";

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
