/** What is left of a store after everything in it was used and removed: as good as nothing. */
import { assert, assertEquals } from "@std/assert";
import { BOX } from "../support/images/busybox_image.ts";
import { needs } from "../support/machine/needs.ts";
import { CONTAINER_TOOLS, containerFixture } from "../support/peers/container_fixture.ts";
import { servedStore } from "../support/registry/served_store.ts";

/** Largest size of an empty store beside its reserve, in bytes. */
const EMPTY = 1024 * 1024;

async function diskUsage(path: string): Promise<number> {
  const { stdout } = await new Deno.Command("du", { args: ["-s", "-B1", path] }).output();
  return Number(new TextDecoder().decode(stdout).split("\t")[0]);
}

Deno.test({
  name: "load, mount, run, commit and push; after the removal of all, the store is at most 1 MiB",
  ...needs({ root: true, mount: true, tools: CONTAINER_TOOLS }),
  fn: async () => {
    await using fixture = await containerFixture();
    const { varve, root, temp } = fixture;
    const [mounted, written] = [temp.join("mounted"), temp.join("written")];
    for (const path of [mounted, written]) await Deno.mkdir(path);
    await varve.text(["mount", BOX, mounted]);
    await varve.text(["run", "--name", "work", BOX, "--", "sh", "-c", "echo made > /made"]);
    await varve.text(["run", "--rm", BOX, "--", "true"]);
    await varve.text(["mount", BOX, written, "--rw", "written"]);
    await varve.text(["commit", "work", "example.org/made:1"]);
    {
      await using registry = await servedStore(temp.join("registry"));
      const to = `${registry.host}/made:1`;
      await varve.text(["push", "--compression", "gzip", "--plain-http", "example.org/made:1", to]);
    }
    // What is in use stays, whatever is removed beside it.
    await varve.text(["rmi", "example.org/made:1"]);
    assertEquals((await varve.any(["rmi", BOX])).code, 6);
    assertEquals(
      await Deno.readTextFile(`${mounted}/etc/passwd`).then((text) => text !== ""),
      true,
    );
    await varve.text(["umount", "--all"]);
    await varve.text(["snapshot", "rm", "written"]);
    await varve.text(["rmi", "--force", BOX]);
    // The container still has what it needs to be committed.
    await varve.text(["commit", "work", "example.org/again:1"]);
    await varve.text(["rmi", "example.org/again:1"]);
    const before = await diskUsage(root);
    const planned = await varve.json(["gc", "--dry-run"]);
    assertEquals(planned.bytes, 0);
    const { freed } = await varve.json(["snapshot", "rm", "work"]);
    const after = await diskUsage(root);
    // The directories around its files are not counted, and the database may have grown.
    assert(Math.abs(before - after - freed) <= 0.01 * freed + 49152, `${before} ${after} ${freed}`);
    const reserve = await Deno.lstat(`${root}/reserve`).then(
      () => diskUsage(`${root}/reserve`),
      () => 0,
    );
    assert(after - reserve <= EMPTY, `${after} - ${reserve} bytes are left`);
  },
});
