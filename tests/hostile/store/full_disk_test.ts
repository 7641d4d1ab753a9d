/** A disk without a free byte, on file systems of every kind: reading and freeing go on. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { openStore } from "../../../lib/store/mod.ts";
import { Cli } from "../../support/cli/cli.ts";
import { archiveTar, buildImage, ociFiles } from "../../support/images/images.ts";
import { DISK_KINDS, diskTools, loopDisk } from "../../support/machine/loop_disk.ts";
import { needs } from "../../support/machine/needs.ts";
import { run } from "../../support/machine/process.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

const APP = "example.org/app:1", NEW = "example.org/new:1";
/** Size of the whole reserve in bytes. */
const RESERVE = 1024 * 1024;

function archive(name: string, size: number): Uint8Array<ArrayBuffer> {
  const content = "0123456789abcdef".repeat(size / 16);
  const layers = [[{ name: "dir/" }, { name: "dir/file", content }]];
  return archiveTar(ociFiles([buildImage({ name, layers })]));
}

for (const kind of DISK_KINDS) {
  const tools = diskTools(kind);

  Deno.test({
    name: `J09: ${kind} without a free byte: reading and freeing work, a load succeeds later`,
    ...needs({ root: true, mount: true, tools }),
    async fn() {
      await using temp = await tempDir();
      await Deno.writeFile(temp.join("app.tar"), archive(APP, 64_000));
      await Deno.writeFile(temp.join("new.tar"), archive(NEW, 96_000));
      const target = temp.join("mnt");
      await Deno.mkdir(target);
      await using disk = await loopDisk(kind);
      const root = `${disk.path}/store`;
      const varve = new Cli(root);
      await varve.text(["load", temp.join("app.tar"), "--mount", target]);
      for (const key of ["a", "b"]) await varve.text(["snapshot", "prepare", key, APP]);
      const reserve = () => Deno.lstatSync(`${root}/reserve/space`).size;
      await disk.fill();

      const works = async (...args: string[]) => {
        const { code, signal, stdout, stderr } = await varve.any(args);
        // What frees says how much. Nothing else is said.
        const said = stderr.replace(/^Freed [0-9.]+ [kM]?B\n$/, "");
        assertEquals([code, signal, said], [0, null, ""], args.join(" "));
        // Another program takes what the reserve left.
        await disk.fill();
        return stdout;
      };
      const fails = async (...args: string[]) => {
        const { code, signal, stderr } = await varve.any(args);
        assertEquals([code, signal], [12, null], stderr);
        assertStringIncludes(stderr, "no space left on the disk (free some space");
        assertEquals(stderr.split("\n").length, 2, stderr);
      };
      const reads = async () => {
        for (const args of [["ls", APP], ["inspect", APP], ["ps"], ["layers", APP]]) {
          await works(...args);
        }
        assertStringIncludes(await works("images"), APP);
        assertStringIncludes(await works("snapshot", "ls"), "active");
        assertEquals((await works("cat", `${APP}:/dir/file`)).length, 64_000);
      };
      await reads();
      assertEquals(reserve(), RESERVE, "reading does not touch the reserve");
      await fails("load", temp.join("new.tar"));
      await fails("tag", APP, "example.org/other:1");
      assertEquals(reserve(), RESERVE, "what does not free does not get the reserve");
      await works("umount", target);
      await works("snapshot", "rm", "a");
      assertStringIncludes(await works("images"), APP);
      await works("snapshot", "rm", "b");
      await works("rmi", "--no-gc", APP);
      await works("gc");
      assert(reserve() > RESERVE / 2, `the reserve was made again: ${reserve()}`);
      assertEquals(Array.from(Deno.readDirSync(`${root}/snapshots`)), []);
      const mounts = await Deno.readTextFile("/proc/self/mountinfo");
      assertEquals(mounts.split("\n").filter((line) => line.includes(`${root}/mounts`)), []);
      await fails("load", temp.join("new.tar"));

      await disk.makeRoom();
      await varve.text(["load", temp.join("new.tar")]);
      assertEquals(reserve(), RESERVE);
      assertStringIncludes(await varve.text(["images"]), NEW);
    },
  });

  Deno.test({
    name: `J09: ${kind} that is filled while a store is open never ends the process`,
    ...needs({ root: true, mount: true, tools }),
    async fn() {
      await using disk = await loopDisk(kind);
      const child = new URL("./full_disk_child.ts", import.meta.url).pathname;
      const said = await run([
        ...[Deno.execPath(), "run", "-A", "--no-check", child],
        ...[`${disk.path}/store`, disk.path],
      ]);
      assertStringIncludes(said.stdout, "E_SYSCALL ENOSPC");
      // What was committed is there, though the WAL could not be written into the database.
      const rows = Number(/rows (\d+)/.exec(said.stdout)?.[1]);
      await using store = await openStore({ root: `${disk.path}/store` });
      assert(rows > 0);
      assertEquals(store.snapshots.read((table) => table.list()).length, rows);
    },
  });
}

Deno.test({
  name: "a used up quota counts like a full disk",
  ...needs({ root: true, mount: true, tools: ["mkfs.btrfs", "btrfs"] }),
  async fn() {
    await using temp = await tempDir();
    await Deno.writeFile(temp.join("app.tar"), archive(APP, 64_000));
    await Deno.writeFile(temp.join("new.tar"), archive(NEW, 96_000));
    await using disk = await loopDisk("btrfs");
    const volume = `${disk.path}/volume`;
    await run(["btrfs", "subvolume", "create", volume]);
    await run(["btrfs", "quota", "enable", disk.path]);
    const varve = new Cli(`${volume}/store`);
    await varve.text(["load", temp.join("app.tar")]);
    await varve.text(["snapshot", "prepare", "a", APP]);
    await run(["sync", "-f", volume]);
    await run(["btrfs", "qgroup", "limit", "2M", volume]);
    const filler = await Deno.open(`${volume}/filler`, { write: true, create: true });
    for (const piece of [65_536, 4096]) {
      for (;;) if (await filler.write(new Uint8Array(piece)).catch(() => 0) < piece) break;
    }
    filler.close();
    assertStringIncludes(await varve.text(["images"]), APP);
    const { code, signal, stderr } = await varve.any(["load", temp.join("new.tar")]);
    assertEquals([code, signal, stderr.split("\n").length], [12, null, 2], stderr);
    await varve.text(["snapshot", "rm", "a"]);
    await varve.text(["rmi", APP]);
    assertEquals((await varve.json(["images"])).length, 0);
  },
});
