/** Does with an image what a user without privileges can do, and prints a report. Run by `runAsNobody`. */
import { exitCode, VarveError } from "../../../lib/errors.ts";
import { mountImage, unpackImage } from "../../../lib/mount/mod.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { overlayWorks } from "../../../lib/snapshot/drivers/overlay_probe.ts";
import { createSnapshotter, selectDriver } from "../../../lib/snapshot/mod.ts";
import { openStore } from "../../../lib/store/mod.ts";
import { listing } from "../extraction/arena.ts";
import { namesIn } from "../trees/names_in.ts";
import { bringImage } from "./snapshot_fixture.ts";

const home = Deno.cwd();
await using store = await openStore({ root: `${home}/store` });
await using pool = createPool({ inline: true });
const image = await bringImage(store, pool, "example.org/a:1", [
  [
    { name: "d/", uid: 3, gid: 4, mode: 0o500 },
    { name: "d/f", uid: 5, mode: 0o4755, content: "content" },
    { name: "null", type: "char", major: 1, minor: 3 },
    { name: "gone" },
  ],
  [{ name: ".wh.gone" }, { name: "d/link", type: "symlink", target: "f" }],
]);
const driver = selectDriver(store, { pool });
const snapshotter = createSnapshotter(store, { driver });
await Deno.mkdir(`${home}/mnt`);
let refusal = {};
try {
  await mountImage(store, image, `${home}/mnt`, { snapshotter });
} catch (error) {
  if (!(error instanceof VarveError)) throw error;
  const { code, details: { hint } } = error;
  refusal = { code, exit: exitCode(error), hint };
}
const report = await unpackImage(store, image, `${home}/out`, { pool });
await print(JSON.stringify({
  user: Deno.uid(),
  driver: driver.name,
  overlay: overlayWorks(store),
  refusal,
  report,
  files: Object.fromEntries(listing(`${home}/out`)),
  names: namesIn(home),
  leases: store.leases.list().length,
  snapshots: snapshotter.walk().length,
}));

async function print(line: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}
