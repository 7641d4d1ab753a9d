/** An extracted directory is compared with its tree: every kind of change is found, and nothing else. */
import { assertEquals } from "@std/assert";
import { verifyInPool } from "../../../../lib/directory/internal.ts";
import { createPool } from "../../../../lib/pool/mod.ts";
import { needs } from "../../../support/machine/needs.ts";
import { BASE, MIDDLE } from "../../../support/images/sample_image.ts";
import { snapshotFixture } from "../../../support/snapshots/snapshot_fixture.ts";

const CHANGES: readonly [title: string, path: string, change: (path: string) => void][] = [
  ["content", "/etc/passwd", (at) => replaceText(`${at}/etc/passwd`, "user:x", "usur:x")],
  ["a file that is missing", "/cache/three", (at) => Deno.removeSync(`${at}/cache/three`)],
  ["a file that was added", "/opt/more", (at) => Deno.writeTextFileSync(`${at}/opt/more`, "")],
  ["a mode", "/data/small", (at) => Deno.chmodSync(`${at}/data/small`, 0o640)],
  ["an owner", "/data/small", (at) => Deno.chownSync(`${at}/data/small`, 7, 7)],
  ["a time", "/opt/app/bin/run", (at) => Deno.utimeSync(`${at}/opt/app/bin/run`, 5, 5)],
  ["a whiteout that is missing", "/etc/mtab", (at) => Deno.removeSync(`${at}/etc/mtab`)],
  ["a file in place of a whiteout", "/etc/mtab", (at) => {
    Deno.removeSync(`${at}/etc/mtab`);
    Deno.writeTextFileSync(`${at}/etc/mtab`, "");
  }],
  ["a link in place of a file", "/data/small", (at) => {
    Deno.removeSync(`${at}/data/small`);
    Deno.symlinkSync("twin", `${at}/data/small`);
  }],
];

/** Replaces text of the same length, and keeps the time. */
function replaceText(path: string, from: string, to: string): void {
  const { atime, mtime } = Deno.statSync(path);
  Deno.writeTextFileSync(path, Deno.readTextFileSync(path).replace(from, to));
  Deno.utimeSync(path, atime ?? 0, mtime ?? 0);
}

Deno.test({
  name: "verify: an extracted layer is as its tree says, until something in it changes",
  ...needs({ root: true, mount: true }),
  async fn() {
    for (const [title, path, change] of [...CHANGES, null].map((one) => one ?? [])) {
      await using fixture = await snapshotFixture("overlay");
      const { chainId, diffIds } = await fixture.chain([BASE, MIDDLE]);
      await fixture.snapshotter.view("v", fixture.snapshotter.ensureChain(chainId));
      const { directories } = fixture.store;
      await using pool = createPool({ inline: true });
      const judge = async (number: number) => {
        const diffId = diffIds[number]!;
        return await verifyInPool(pool, {
          form: "layer",
          trees: [directories.layerTree(diffId)],
          path: `${directories.layer(diffId)}/fs`,
          policy: { whiteouts: "overlay", devices: "keep" },
        });
      };
      assertEquals([await judge(0), await judge(1)], [null, null]);
      if (change === undefined) continue;
      change(`${directories.layer(diffIds[1]!)}/fs`);
      assertEquals((await judge(1))?.path, path, title);
    }
  },
});
