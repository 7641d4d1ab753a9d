import { assert, assertEquals } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { createRun, findRuns } from "../../../lib/container/run_directory.ts";
import { performMount, performUnmount } from "../../../lib/linux/mod.ts";
import type { DiskStore } from "../../../lib/store/mod.ts";
import { needs } from "../../support/machine/needs.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { TMPFS } from "../../support/snapshots/snapshot_fixture.ts";

const RUNTIME = { name: "chroot", program: "/bin/sh", hideUnified: false } as const;

Deno.test({
  name: "a run whose directory cannot be made whole is not live",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using temp = await tempDir();
    const failed: string[] = [];
    for (let inodes = 2; inodes < 10; inodes++) {
      const mounts = temp.join(`${inodes}`);
      await Deno.mkdir(mounts);
      performMount({ ...TMPFS, options: [fromText(`nr_inodes=${inodes}`)] }, fromText(mounts));
      try {
        const store = { directories: { mounts } } as DiskStore;
        const run = await createRun(store, { cacheId: 7, key: "box", runtime: RUNTIME })
          .catch((error) => void failed.push(String(error)));
        const found = await findRuns(store);
        assertEquals(found.filter(({ live }) => live).length, run === undefined ? 0 : 1);
        run?.[Symbol.dispose]();
      } finally {
        performUnmount(fromText(mounts));
      }
    }
    assert(failed.some((error) => error.includes("bundle")), failed.join("\n"));
  },
});
