import { assertEquals } from "@std/assert";
import { fromText } from "../../../../lib/bytes/mod.ts";
import {
  bindMount,
  findMount,
  hasFileSystem,
  isMountUsed,
  type Mount,
  mountIdOf,
  performMount,
  performUnmount,
  readMountInfo,
} from "../../../../lib/linux/mod.ts";
import { needs } from "../../../support/machine/needs.ts";
import { tempDir } from "../../../support/machine/temp_dir.ts";
import { waitUntil } from "../../../support/machine/wait.ts";

const need = needs({ root: true, mount: true });
const TMPFS: Mount = { type: "tmpfs", source: fromText("tmpfs"), options: [] };

Deno.test({
  name: "hasFileSystem: a file system lives until its last file is closed, out of sight",
  ...need,
  async fn() {
    await using temp = await tempDir();
    const target = fromText(temp.path);
    performMount(TMPFS, target);
    await Deno.writeTextFile(temp.join("f"), "");
    const { device = "" } = findMount(readMountInfo(), target) ?? {};
    {
      using _ = await Deno.open(temp.join("f"));
      performUnmount(target, { lazy: true });
      // 64-bit ARM does not tell.
      assertEquals(hasFileSystem(device), Deno.build.arch === "aarch64" ? undefined : true);
    }
    assertEquals(hasFileSystem(device), Deno.build.arch === "aarch64" ? undefined : false);
    assertEquals([hasFileSystem("x"), hasFileSystem("")], [undefined, undefined]);
  },
});

Deno.test({
  name: "isMountUsed: working directory, program, open and mapped files of a detached mount",
  ...needs({ root: true, mount: true, tools: ["busybox", "python3"] }),
  async fn() {
    await using temp = await tempDir();
    const from = temp.join("from"), to = temp.join("to");
    for (const directory of [from, to]) await Deno.mkdir(directory);
    await Deno.copyFile("/bin/busybox", `${from}/sleep`);
    const map =
      "import mmap,os,time\nf=os.open('sleep',os.O_RDONLY)\nm=mmap.mmap(f,4096,prot=1)\n" +
      "os.close(f)\nos.chdir('/')\nprint('ready',flush=True)\ntime.sleep(99)";
    const users: readonly (readonly string[])[] = [
      ["sh", "-c", "echo ready; exec /bin/sleep 99"],
      ["sh", "-c", "cd /; echo ready; exec /bin/sleep 99 3<&0", "open"],
      ["sh", "-c", 'p=$PWD; cd /; echo ready; exec "$p/sleep" 99'],
      ["python3", "-c", map],
    ];
    for (const [i, [program = "", ...args]] of users.entries()) {
      performMount(bindMount(fromText(from), {}), fromText(to));
      const id = mountIdOf(fromText(to));
      const device = findMount(readMountInfo(), fromText(to))?.device;
      if (id === undefined) throw new Error("it is mounted");
      const mount = { id, device };
      // The second has only its standard input there.
      const child = i === 1
        ? new Deno.Command("sh", {
          args: ["-c", 'exec sh "$@" <sleep', "sh", ...args],
          cwd: to,
          stdout: "piped",
        }).spawn()
        : new Deno.Command(program, { args: [...args], cwd: to, stdout: "piped" }).spawn();
      const reader = child.stdout.getReader();
      await reader.read();
      await waitUntil("the program", async () => {
        const comm = await Deno.readTextFile(`/proc/${child.pid}/comm`);
        return /^(?:sleep|python3)/.test(comm);
      });
      performUnmount(fromText(to), { lazy: true });
      assertEquals([i, isMountUsed(mount)], [i, true]);
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
      assertEquals([i, isMountUsed(mount)], [i, false]);
    }
  },
});
