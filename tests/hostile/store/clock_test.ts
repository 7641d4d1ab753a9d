/** A clock that is set, forwards and backwards, while things are in use. */
import { assertEquals, assertRejects } from "@std/assert";
import { archiveTar, buildImage, ociFiles } from "../../support/images/images.ts";
import { shiftClock } from "../../support/machine/clock.ts";
import { runCommand } from "../../support/cli/in_process.ts";
import { mountsBelow } from "../../support/machine/census.ts";
import { needs } from "../../support/machine/needs.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { collectGarbage, leaseStates, protect } from "../../../lib/upkeep/mod.ts";
import { bringLayer, sampleLayer } from "../../conformance/store_layers.ts";
import { gcFixture } from "../../unit/store/disk/gc/gc_fixture.ts";

const HOUR = 60 * 60 * 1000, DAY = 24 * HOUR;
const NAME = "docker.io/library/x:1";

Deno.test("J23: gc keeps what a lease protects when the clock goes back, and after it was set right", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  await fixture.load(NAME, ["a", "b"]);
  const [first] = store.layers.list();
  await protect(store, [NAME], { id: "hour", expiresAt: Date.now() + HOUR });
  await protect(store, [first!.diffId], { id: "for ever" });
  store.images.remove(NAME);
  const { length } = store.layers.list();
  for (const shift of [-DAY, -365 * DAY, 0]) {
    using _ = shiftClock(shift);
    await collectGarbage(store);
    assertEquals(store.layers.list().length, length, `the clock ${shift / DAY} days on`);
    assertEquals(leaseStates(store).map(({ lease, live }) => [lease.id, live]).sort(), [
      ["for ever", true],
      ["hour", true],
    ]);
  }
  // It ends when its time has come, and not before: the check above can fail.
  using _ = shiftClock(DAY);
  await collectGarbage(store);
  assertEquals(store.layers.list().map(({ diffId }) => diffId), [first!.diffId]);
});

Deno.test("J14, J23: an ingest keeps what it found and what it makes, wherever the clock is set", async () => {
  await using fixture = await gcFixture();
  const { store } = fixture;
  await using ingest = await store.ingest();
  const [old, fresh] = [sampleLayer(1, 4096, 0), sampleLayer(2, 4096, 0)];
  {
    await using before = await store.ingest();
    await bringLayer(before, old);
    await before.commit();
  }
  // No name and no lease keeps the layer: only this ingest does, which finds it present.
  assertEquals(await bringLayer(ingest, old), "present");
  await bringLayer(ingest, fresh);
  for (const shift of [DAY, -DAY, 365 * DAY]) {
    using _ = shiftClock(shift);
    await collectGarbage(store);
  }
  const target = await ingest.blob(new TextEncoder().encode("{}"), "text/plain");
  ingest.image(NAME, target);
  ingest.chain([old.diffId, fresh.diffId]);
  await ingest.commit();
  for (const { diffId } of [old, fresh]) for await (const _ of await store.layers.open(diffId));
});

Deno.test({
  name: "J23: a mount is in use, and its image and key stay, wherever the clock is set",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    await using temp = await tempDir();
    const layers = [[{ name: "file", content: "text" }]];
    const image = buildImage({ name: "example.org/app:1", layers });
    await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles([image])));
    const env = { VARVE_ROOT: temp.join("store"), VARVE_WORKERS: "1" };
    const varve = async (...args: string[]) => {
      const { code, stdout, stderr } = await runCommand(args, { env, isRoot: true });
      if (code !== 0) throw new Error(`exit ${code}: ${stderr}`);
      return stdout;
    };
    const [view, rw] = [temp.join("view"), temp.join("rw")];
    for (const dir of [view, rw]) await Deno.mkdir(dir);
    await varve("load", temp.join("app.tar"));
    await varve("mount", "example.org/app:1", view);
    await varve("mount", "example.org/app:1", rw, "--rw", "key");
    await Deno.writeTextFile(`${rw}/new`, "new");
    try {
      for (const shift of [DAY, -DAY, -365 * DAY, 0]) {
        using _ = shiftClock(shift);
        await varve("gc");
        await assertRejects(() => varve("snapshot", "rm", "key"), Error, "exit 6");
        await assertRejects(() => varve("rmi", "example.org/app:1"), Error, "exit 6");
        const read = await Promise.all(
          [`${view}/file`, `${rw}/new`].map((path) => Deno.readTextFile(path)),
        );
        assertEquals(read, ["text", "new"]);
      }
      await varve("fsck", "--deep");
    } finally {
      await varve("umount", "--all");
    }
    assertEquals(await mountsBelow(temp.path), []);
  },
});
