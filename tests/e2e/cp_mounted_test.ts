/** `varve cp` into a snapshot that is mounted, where other processes may change everything meanwhile. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { DAILY, dailyImage } from "../support/cli/mounted_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { DirectorySwapper } from "../support/races/directory_swapper.ts";

/** Copies while the directories of a mounted snapshot are swapped for links to a directory outside. */
const RACES = 25;

Deno.test({
  name: "cp into a mounted snapshot: nothing gets out while directories are swapped for links",
  ...needs({ root: true, mount: true }),
  async fn() {
    await using daily = await dailyImage({ mount: false });
    const { temp } = daily;
    const varve = commandOn(temp.join("store"));
    for (const name of ["mnt", "outside", "source/new/deep"]) {
      await Deno.mkdir(temp.join(name), { recursive: true });
    }
    await Deno.writeTextFile(temp.join("source/new/deep/f"), "f");
    // With overlayfs, directories of the image cannot be renamed. Here all of them can.
    const driver = ["--driver", "native"];
    const mount = await varve(["mount", DAILY, temp.join("mnt"), "--rw", "work", ...driver]);
    assertEquals(mount.code, 0, mount.stderr);
    const codes = new Set<number>();
    using swapper = new DirectorySwapper();
    await swapper.ready();
    swapper.start(temp.join("mnt"), temp.join("outside"));
    try {
      for (let i = 0; i < RACES; i++) {
        const to = i % 2 === 0 ? "work:/home/user/" : `work:/data/deep/${i}`;
        const { code, stderr } = await varve(["cp", temp.join("source/new"), to, ...driver]);
        assert([0, 4, 5, 6].includes(code), `${code}: ${stderr}`);
        codes.add(code);
      }
    } finally {
      assert(swapper.stop() > 0);
    }
    assertEquals(Array.from(Deno.readDirSync(temp.join("outside"))), []);
    const last = await varve(["cp", temp.join("source/new"), "work:/etc/", ...driver]);
    assertEquals(last.code, 0, last.stderr);
    const left = Array.from(Deno.readDirSync(temp.join("mnt")), ({ name }) => name);
    assertEquals(left.filter((name) => name.startsWith(".varve-copy-")), []);
    await varve(["umount", "--all"]);
  },
});

Deno.test({
  name: "cp into a mounted snapshot: what a killed copy left, other mounts, other namespaces",
  ...needs({ root: true, mount: true, tools: ["unshare", "mount", "umount"] }),
  async fn() {
    await using daily = await dailyImage({ mount: false });
    const { temp, cli } = daily;
    const varve = commandOn(temp.join("store"));
    const refused = async (args: readonly string[], ...said: readonly string[]) => {
      const { code, stderr } = await varve(args);
      assertEquals(code, 6, stderr);
      for (const one of said) assertStringIncludes(stderr, one);
    };
    const mounted = temp.join("mnt"), file = temp.join("file");
    await Deno.mkdir(mounted);
    await Deno.writeTextFile(file, "file");
    const { code, stderr } = await varve(["mount", DAILY, mounted, "--rw", "work"]);
    assertEquals(code, 0, stderr);
    const left = `${mounted}/.varve-copy-0123456789abcdef`;
    await Deno.mkdir(`${left}/files/etc`, { recursive: true });
    const before = await Deno.stat(mounted);
    const unchanged = (await varve(["diff", "work"])).stdout;
    assertEquals(unchanged.includes(".varve-copy"), false, unchanged);
    assertEquals((await varve(["commit", "work", "left:1"])).code, 0);
    const whole = (await varve(["ls", "-a", "left:1"])).stdout;
    assertEquals(whole.includes(".varve-copy"), false, whole);
    assertEquals((await varve(["cp", file, "work:/etc/"])).code, 0);
    assertEquals(await Deno.readTextFile(`${mounted}/etc/file`), "file");
    assertEquals((await Deno.stat(mounted)).mtime, before.mtime);
    // The copy out of it shows what is there now.
    assertEquals((await varve(["cp", "work:/etc/file", temp.join("out")])).code, 0);
    assertEquals(await Deno.readTextFile(temp.join("out")), "file");
    const changed = await varve(["diff", "work"]);
    assertStringIncludes(changed.stdout, "A /etc/file\n");
    assertEquals(changed.stdout.includes(".varve-copy"), false, changed.stdout);

    await run(["mount", "-t", "tmpfs", "none", `${mounted}/tmp`]);
    try {
      await refused(["cp", file, "work:/tmp/"], "another file system is mounted there");
      assertEquals(Array.from(Deno.readDirSync(`${mounted}/tmp`)), []);
    } finally {
      await run(["umount", `${mounted}/tmp`]);
    }
    await run(["mount", "-t", "tmpfs", "none", mounted]);
    try {
      await refused(["cp", file, "work:/"], `its mount at ${mounted} cannot be reached`);
      assertEquals(Array.from(Deno.readDirSync(mounted)), []);
    } finally {
      await run(["umount", mounted]);
    }
    await varve(["umount", mounted]);
    const { stdout } = await varve(["snapshot", "stat", "work", "--format", "json"]);
    const files = `${temp.join("store/snapshots")}/${JSON.parse(stdout).cacheId}/fs`;
    await Deno.mkdir(`${files}/.varve-copy-0123456789abcdef`);
    assertEquals((await varve(["cp", file, "work:/etc/"])).code, 0);
    const rest = Array.from(Deno.readDirSync(files), ({ name }) => name);
    assertEquals(rest.filter((name) => name.startsWith(".varve-copy-")), []);

    const script = '"$@" && echo mounted && read -r _';
    const [shell = "", ...words] = ["unshare", "-m", "sh", "-c", script, "sh"];
    const mount = cli.command(["mount", DAILY, mounted, "--rw", "work"]);
    const child = new Deno.Command(shell, {
      args: [...words, ...mount],
      env: { ...cli.env },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const output = child.stdout.getReader();
    for (let seen = ""; !seen.includes("mounted\n");) {
      const { value, done } = await output.read();
      assertEquals(done, false, seen);
      seen += new TextDecoder().decode(value);
    }
    await refused(["cp", file, "work:/"], "this process does not see its mount", "nsenter -m");
    await child.stdin.close();
    await Promise.all([output.cancel(), child.status]);
  },
});
