/** Apply to the snapshots into which containerd unpacks. */
import { assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import { Declined } from "../../../../lib/containerd/grpc/status_of.ts";
import { VarveError } from "../../../../lib/errors.ts";
import { applyRequest, callOf, diffFixture } from "../../../support/containerd/diff_fixture.ts";
import { needs } from "../../../support/machine/needs.ts";
import { type TarFixture, tarOf } from "../../../support/tar/tar_fixture.ts";

const ROOT = needs({ root: true, mount: true });

function gzipOf(fixtures: readonly TarFixture[]): Uint8Array {
  return new Uint8Array(gzipSync(tarOf(fixtures)));
}

const MOTD = gzipOf([{ name: "etc/" }, { name: "etc/motd", content: "hello" }]);

Deno.test({
  name: "an extract snapshot gets its layer without its parents; another applier sees them",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { snapshotter, content, service, store } = made;
    const lower = await content.add(MOTD);
    const upper = await content.add(gzipOf([{ name: "srv/" }]));
    const extract = (key: string, parent: string | null) =>
      snapshotter.prepare(key, parent, { extract: true });
    await service.apply(applyRequest(lower, await extract("default/1/e", null)), callOf());
    await snapshotter.commit("default/2/lower", "default/1/e");
    const mounts = await extract("default/3/e", "default/2/lower");
    await service.apply(applyRequest(upper, mounts), callOf());
    await snapshotter.commit("default/4/upper", "default/3/e");
    // Nothing was composed for that.
    assertEquals(await Array.fromAsync(Deno.readDir(`${store.root}/chains`)), []);
    const other = await extract("default/5/e", "default/4/upper");
    const unknown = applyRequest(upper, other, { mediaType: "application/vnd.unknown" });
    await assertRejects(() => service.apply(unknown, callOf()), Declined);
    await made.change(other, async (path) => {
      assertEquals(await Deno.readTextFile(`${path}/etc/motd`), "hello");
      assertEquals((await Deno.stat(`${path}/srv`)).isDirectory, true);
    });
    // Asked again, varve still knows which snapshot it is.
    await service.apply(applyRequest(upper, other), callOf());
  },
});

Deno.test({
  name: "a layer without its parent yet is never left to an applier that would need the parent",
  ...ROOT,
  fn: async () => {
    await using made = await diffFixture();
    const { snapshotter, content, service } = made;
    const blob = await content.add(MOTD);
    const labels = { "containerd.io/snapshot/parent-chain-id": `sha256:${"1".repeat(64)}` };
    const mounts = await snapshotter.prepare("default/1/e", null, { extract: true, labels });
    const unknown = applyRequest(blob, mounts, { mediaType: "application/vnd.unknown" });
    const error = await assertRejects(() => service.apply(unknown, callOf()), VarveError);
    assertEquals(error.code, "E_UNSUPPORTED");
    await service.apply(applyRequest(blob, mounts), callOf());
  },
});
