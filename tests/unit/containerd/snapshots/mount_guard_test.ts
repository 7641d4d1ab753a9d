import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fromText } from "../../../../lib/bytes/mod.ts";
import type { Introspection } from "../../../../lib/containerd/client/contract.ts";
import { MountGuard } from "../../../../lib/containerd/snapshots/mount_guard.ts";
import { VarveError } from "../../../../lib/errors.ts";
import { codeOf } from "../../../support/code_of.ts";
import { needs } from "../../../support/machine/needs.ts";
import { run } from "../../../support/machine/process.ts";
import { standing, type StandingProcess } from "../../../support/machine/standing.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";

/** A containerd that says only which process it is. */
function containerd(server: Introspection["server"]): Introspection & { asked: number } {
  const made = {
    asked: 0,
    server: () => {
      made.asked++;
      return server();
    },
    version: () => Promise.resolve("1"),
    plugins: () => Promise.resolve([]),
  };
  return made;
}

/** A process in a mount namespace of its own. */
function elsewhere(propagation: "private" | "slave"): Promise<StandingProcess> {
  const script = "echo ready; exec cat";
  return standing(["unshare", "-m", "--propagation", propagation, "sh", "-c", script]);
}

const overlay = (directory: string, lower: string) => [
  { type: "overlay", source: fromText("overlay"), options: [`lowerdir=${directory}/${lower}`] },
];

Deno.test({
  name: "mounts are refused only where containerd provably does not see their lowers",
  ...needs({ root: true, mount: true, tools: ["unshare"] }),
  fn: async () => {
    await using temp = await tempDir();
    await run(["mount", "--bind", temp.path, temp.path]);
    try {
      await run(["mount", "--make-shared", temp.path]);
      const lowers = temp.join("mounts");
      const given = overlay(lowers, "erofs-1");
      const other = overlay(temp.join("snapshots"), "1/fs");
      const outcome = async (introspection: Introspection, mounts = given) => {
        const guard = new MountGuard(introspection, lowers);
        return await codeOf(() => guard.check("default/1/web", mounts));
      };
      const at = (pid: number, pidns = 0) => containerd(() => Promise.resolve({ pid, pidns }));
      await using apart = await elsewhere("private");
      await using slave = await elsewhere("slave");
      assertEquals(await outcome(at(Deno.pid)), "ok");
      assertEquals(await outcome(at(slave.pid)), "ok");
      assertEquals(await outcome(at(apart.pid)), "E_PRECONDITION");
      // Nothing that varve mounts is in these.
      assertEquals(await outcome(at(apart.pid), other), "ok");
      // Its numbers of processes are others.
      assertEquals(await outcome(at(apart.pid, 1)), "ok");
      const busy = new VarveError("E_BUSY", "Cannot reach containerd");
      assertEquals(await outcome(containerd(() => Promise.reject(busy))), "ok");

      const guard = new MountGuard(at(apart.pid), lowers);
      const error = await assertRejects(() => guard.check("default/1/web", given), VarveError);
      assertStringIncludes(error.message, `process ${apart.pid}, is in another mount namespace`);
    } finally {
      await run(["umount", temp.path]);
    }
  },
});

Deno.test({
  name: "containerd is asked again when it was started again, and not for each call",
  ...needs({ root: true, mount: true, tools: ["unshare"] }),
  fn: async () => {
    let pid = 0;
    const introspection = containerd(() => Promise.resolve({ pid, pidns: 0 }));
    const guard = new MountGuard(introspection, "/varve/mounts");
    const check = () => codeOf(() => guard.check("k", overlay("/varve/mounts", "erofs-1")));
    {
      await using first = await elsewhere("private");
      pid = first.pid;
      assertEquals([await check(), await check()], ["E_PRECONDITION", "E_PRECONDITION"]);
      assertEquals(introspection.asked, 1);
    }
    pid = Deno.pid;
    assertEquals([await check(), await check()], ["ok", "ok"]);
    assertEquals(introspection.asked, 2);
  },
});
