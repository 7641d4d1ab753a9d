/** Images that come and go leave nothing in varve: a short form of `deno task bench containerd_memory`. */
import { assertEquals } from "@std/assert";
import { needs } from "../../support/machine/needs.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { waitUntil } from "../../support/machine/wait.ts";
import { boxOfTwo, importImage, NAME, RUN } from "../../support/peers/ctr_images.ts";
import { type ServedCensus, servedCensus } from "../../support/peers/served_census.ts";
import { serveContainerdIn } from "../../support/peers/served_containerd.ts";
import { collect } from "../../support/peers/served_remains.ts";

/** Images after which all is there that the daemon keeps, such as its workers; and images after those. */
const FIRST = 2, MORE = 5;
/** Milliseconds that what was ended may take to be gone, on a busy machine. */
const PATIENCE = 60_000;

Deno.test({
  name: "imports and removals leave no descriptor, mount, thread, file or lease",
  ...needs({ root: true, mount: true, tools: ["containerd", "ctr", "runc", "busybox"] }),
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using served = await serveContainerdIn(temp.path);
    const image = await boxOfTwo();
    const once = async () => {
      await importImage(served, temp, image);
      assertEquals(await served.text([...RUN, "--rm", NAME, "one", "echo", "here"]), "here\n");
      await served.text(["image", "rm", "--sync", NAME]);
      await collect(served);
    };
    for (let i = 0; i < FIRST; i++) await once();
    const before = await servedCensus(served);
    for (let i = 0; i < MORE; i++) await once();
    let grown: Partial<ServedCensus> = {};
    // What ends later may take a moment: workers, and files that are in the trash.
    await waitUntil("the end of what imports began", async () => {
      grown = more(before, await servedCensus(served));
      return Object.keys(grown).length === 0;
    }, { deadline: PATIENCE }).catch(() =>
      assertEquals(grown, {}, `before: ${JSON.stringify(before)}`)
    );
  },
});

/** By how much counts have grown; without those that have not. */
function more(before: ServedCensus, after: ServedCensus): Partial<ServedCensus> {
  return Object.fromEntries(
    (Object.keys(after) as (keyof ServedCensus)[])
      .map((what) => [what, after[what] - before[what]] as const)
      .filter(([, difference]) => difference > 0),
  );
}
