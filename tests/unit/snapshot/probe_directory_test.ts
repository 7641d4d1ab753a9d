import { assertEquals, assertThrows } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { performMount, performUnmount } from "../../../lib/linux/mod.ts";
import {
  inProbeDirectory,
  removeLeftProbes,
} from "../../../lib/snapshot/drivers/probe_directory.ts";
import { needs } from "../../support/machine/needs.ts";
import { snapshotFixture, TMPFS } from "../../support/snapshots/snapshot_fixture.ts";
import { namesIn } from "../../support/trees/names_in.ts";

const need = needs({ root: true, mount: true });

Deno.test({
  name: "an error of a probe is told as the reason, unless it says nothing about the driver",
  ...need,
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { directories } = fixture.store;
    const failing = (errno: string) => () => {
      throw new VarveError("E_SYSCALL", `Cannot mount: ${errno}`, { errno });
    };
    for (const errno of ["EINVAL", "EPERM", "EOPNOTSUPP", "EIO"]) {
      assertEquals(inProbeDirectory(directories, failing(errno)), `Cannot mount: ${errno}`);
    }
    for (const errno of ["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM", "EINTR"]) {
      assertThrows(() => inProbeDirectory(directories, failing(errno)), VarveError, errno);
    }
    assertEquals(namesIn(directories.mounts), []);
  },
});

Deno.test({
  name: "what a probe cannot remove does not change what it found, and goes later",
  ...need,
  async fn() {
    await using fixture = await snapshotFixture("native");
    const { directories } = fixture.store;
    const held: string[] = [];
    // A mount below, which the probe does not know, keeps its directory.
    const found = inProbeDirectory(directories, ({ base }) => {
      Deno.mkdirSync(`${base}/held`);
      performMount(TMPFS, fromText(`${base}/held`));
      held.push(`${base}/held`);
      return "found" as const;
    });
    assertEquals(found, "found");
    assertEquals(inProbeDirectory(directories, () => "the next" as const), "the next");
    assertEquals(namesIn(directories.mounts).length, 1);
    for (const path of held) performUnmount(fromText(path));
    removeLeftProbes(directories.mounts);
    assertEquals(namesIn(directories.mounts), []);
  },
});
