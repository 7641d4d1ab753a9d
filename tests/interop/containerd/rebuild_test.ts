/** The database of the store is lost under the real containerd: `fsck --rebuild` brings back all that containerd needs. */
import { assertEquals } from "@std/assert";
import { needs } from "../../support/machine/needs.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { waitUntil } from "../../support/machine/wait.ts";
import { boxOfTwo, importImage, NAME, RUN, SNAPSHOTTER } from "../../support/peers/ctr_images.ts";
import { serveContainerdIn } from "../../support/peers/served_containerd.ts";
import { collect, nothingIn } from "../../support/peers/served_remains.ts";

Deno.test({
  name: "after a rebuild without the old database, containers have their files, and new ones start",
  ...needs({ root: true, mount: true, tools: ["containerd", "ctr", "runc", "busybox"] }),
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using served = await serveContainerdIn(temp.path, { inherited: true });
    const { varve, root } = served;
    await importImage(served, temp, await boxOfTwo());
    await served.text([...RUN, NAME, "web", "sh", "-c", "echo mine > /own"]);
    // Usage is measured again when somebody asks.
    const rows = async () =>
      (await varve.json(["snapshot", "ls"])).map((row: Record<string, unknown>) => ({
        ...row,
        usage: null,
      }));
    const before = await rows();
    await served.end("SIGTERM");
    for (const end of ["", "-wal", "-shm"]) {
      await Deno.remove(`${root}/meta.db${end}`).catch(() => {});
    }
    assertEquals((await varve.any(["fsck", "--rebuild", "--deep"])).code, 0);
    assertEquals(await rows(), before);

    await served.start();
    await waitUntil("containerd's connection to varve", async () => {
      return (await served.any(["snapshots", ...SNAPSHOTTER, "info", "web"])).code === 0;
    });
    assertEquals(await served.text([...RUN, "--rm", NAME, "one", "cat", "/etc/motd"]), "hello\n");
    // The container of before runs again, on what it wrote.
    const look = ["sh", "-c", "cat /own /etc/motd"];
    await served.text(["snapshots", ...SNAPSHOTTER, "commit", "kept", "web"]);
    await served.text(["snapshots", ...SNAPSHOTTER, "prepare", "again", "kept"]);
    await Deno.mkdir(temp.join("rootfs"));
    const { stdout } = await served.any([
      ...["snapshots", ...SNAPSHOTTER, "mounts", temp.join("rootfs"), "again"],
    ]);
    const shell = new Deno.Command("unshare", {
      args: ["-m", "sh", "-c", `${stdout}\nexec chroot "$@"`, "sh", temp.join("rootfs"), ...look],
    });
    assertEquals(new TextDecoder().decode((await shell.output()).stdout), "mine\nhello\n");

    await served.text(["containers", "rm", "web"]);
    for (const name of ["again", "kept"]) {
      await served.text(["snapshots", ...SNAPSHOTTER, "rm", name]);
    }
    await served.text(["image", "rm", "--sync", NAME]);
    await collect(served);
    await nothingIn(served);
  },
});
