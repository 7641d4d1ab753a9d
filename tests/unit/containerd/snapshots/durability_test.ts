/** With full durability, what Apply and Commit answer is on the disk: the marker first, then the row, each synced. */
import { assert, assertEquals } from "@std/assert";
import { StatementSync } from "node:sqlite";
import { createPool } from "../../../../lib/pool/mod.ts";
import { createSnapshotter } from "../../../../lib/snapshot/mod.ts";
import { openStore } from "../../../../lib/store/mod.ts";
import { applyImage } from "../../../support/containerd/apply_image.ts";
import { diffFixture } from "../../../support/containerd/diff_fixture.ts";
import { needs } from "../../../support/machine/needs.ts";
import { tarOf } from "../../../support/tar/tar_fixture.ts";

/** What was done on the disk, in order, while this is not disposed. */
function watch(): Disposable & { readonly done: string[] } {
  const done: string[] = [];
  const { sync } = Deno.FsFile.prototype;
  const { rename } = Deno;
  // deno-lint-ignore no-explicit-any
  const statements = StatementSync.prototype as any;
  const { run } = statements;
  Deno.FsFile.prototype.sync = function () {
    done.push("sync");
    return sync.call(this);
  };
  Deno.rename = (from, to) => {
    done.push(`rename ${String(to).split("/").at(-1)}`);
    return rename(from, to);
  };
  statements.run = function (this: StatementSync, ...values: unknown[]) {
    if (/^(PRAGMA synchronous|COMMIT)/.test(this.sourceSQL)) done.push(this.sourceSQL);
    return run.apply(this, values);
  };
  return {
    done,
    [Symbol.dispose]() {
      Deno.FsFile.prototype.sync = sync;
      Deno.rename = rename;
      statements.run = run;
    },
  };
}

Deno.test({
  name:
    "full durability: the row of an applied layer, and of its commit, follows a marker that is synced",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    await using made = await diffFixture();
    const [name] = await applyImage(made, [tarOf([{ name: "a" }])]);
    const { diffId } = made.snapshotter.stat(name!);
    await made.service[Symbol.asyncDispose]();
    await made.store[Symbol.asyncDispose]();

    using watched = watch();
    const { done } = watched;
    await using store = await openStore({ root: made.store.root, durability: "full" });
    await using pool = createPool({ inline: true });
    const snapshotter = createSnapshotter(store, { driver: "erofs", pool, scope: "containerd" });
    // With FULL, SQLite syncs its log at each commit. The default of WAL mode does not.
    const pragmas = done.filter((one) => one.startsWith("PRAGMA"));
    assertEquals(new Set(pragmas), new Set(["PRAGMA synchronous = FULL"]));
    await snapshotter.prepare("default/9/x", null, { extract: true });
    for (
      const work of [
        () => snapshotter.applied("default/9/x", diffId!),
        () => snapshotter.commit("default/10/x", "default/9/x"),
      ]
    ) {
      done.length = 0;
      await work();
      const [renamed, committed] = [done.indexOf("rename marker"), done.lastIndexOf("COMMIT")];
      assert(done.slice(0, renamed).includes("sync"), done.join());
      assert(done.slice(renamed, committed).includes("sync"), done.join());
      assert(renamed > 0 && committed > renamed, done.join());
    }
  },
});
