/** What is left of containers when everything was started again, and what calls see of a restart. */
import { assertEquals } from "@std/assert";
import { boxLayer } from "../../support/images/busybox_image.ts";
import { archiveTar, buildImage, ociFiles } from "../../support/images/images.ts";
import { mountsBelow } from "../../support/machine/census.ts";
import { needs } from "../../support/machine/needs.ts";
import { run, runAny } from "../../support/machine/process.ts";
import { waitUntil } from "../../support/machine/wait.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { serveContainerdIn, type ServedContainerd } from "../../support/peers/served_containerd.ts";

const NEEDS = needs({ root: true, mount: true, tools: ["containerd", "ctr", "runc", "busybox"] });
const VARVE = ["--snapshotter", "varve"];
/** ctr makes no control group: the machine of a test may not let it. */
const RUN = ["run", ...VARVE, "--cgroup", ""];
/** runc's control group of a container has its name, whichever containerd it is of. */
const OWN = crypto.randomUUID().slice(0, 8);

/** Writes an image of busybox and more layers, and imports it; gives its chainID. */
async function importImage(
  served: ServedContainerd,
  dir: string,
  name: string,
  layers: number,
): Promise<string> {
  const more = Array.from({ length: layers }, (_, i) => [
    { name: "etc/motd", content: i + 1 < layers ? `layer ${i}\n` : "the topmost layer\n" },
    { name: `srv/${i}`, content: `${i}` },
  ]);
  const image = buildImage({ name, layers: [await boxLayer([{ name: "srv/" }]), ...more] });
  await Deno.writeFile(`${dir}/image.tar`, archiveTar(ociFiles([image])));
  await served.text(["image", "import", ...VARVE, `${dir}/image.tar`]);
  return image.chainId;
}

/** Does what a loss of power does to a machine, but for what lies on its disk. */
async function loseAll(served: ServedContainerd, dir: string): Promise<void> {
  const namespace = served.ctr[4] as string;
  const tasks = [...(await served.text(["tasks", "ls"])).matchAll(/ (\d+) +RUNNING/g)];
  await served.end("SIGKILL");
  await served.containerd.end("SIGKILL");
  const shims = (await runAny(["pgrep", "-f", namespace])).stdout.trim().split("\n");
  const pids = [...tasks.map(([, pid]) => Number(pid)), ...shims.map(Number)];
  for (const pid of pids) Deno.kill(pid, "SIGKILL");
  for (const pid of pids) await waitUntil(`the end of process ${pid}`, () => isGone(pid));
  // A mount on top of another comes later in the list.
  for (const mount of (await mountsBelow(dir)).reverse()) await run(["umount", mount]);
  // What stands in /run.
  for (const path of [`${dir}/c-state`, `/run/containerd/runc/${namespace}`]) {
    await Deno.remove(path, { recursive: true });
  }
  for (const name of ["varve.sock", "c.sock"]) await Deno.remove(`${dir}/${name}`);
}

/** Whether a process has ended; its parent may not have asked for its code. */
async function isGone(pid: number): Promise<boolean> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => undefined);
  return stat === undefined || / Z /.test(stat);
}

for (const driver of ["erofs", "overlay", "native"]) {
  Deno.test({
    name: `after the loss of all mounts every container starts again, with ${driver}`,
    ...NEEDS,
    fn: async () => {
      await using temp = await tempDir("varve-test-", "/var/tmp");
      await using served = await serveContainerdIn(temp.path, { args: ["--driver", driver] });
      const containers: string[] = [];
      const start = async (image: string) => {
        const name = `${OWN}-${driver}-${containers.length}`;
        // The first time it waits; then it says what it finds.
        const script = "[ -e /srv/made ] && { cat /etc/motd /srv/made; exit 3; }; " +
          "echo made >/srv/made; echo >/ready; sleep 1000";
        const command = ["sh", "-c", script];
        await served.text([...RUN, "--detach", image, name, ...command]);
        containers.push(name);
        const pid = (await served.text(["tasks", "ls"]))
          .split("\n").find((line) => line.startsWith(`${name} `))?.split(/\s+/)[1];
        await waitUntil(`the file of ${name}`, async () => {
          const found = await Deno.stat(`/proc/${pid}/root/ready`).catch(() => undefined);
          return found !== undefined;
        });
      };
      await importImage(served, temp.path, "example.org/one:1", 1);
      const chainId = await importImage(served, temp.path, "example.org/many:1", 4);
      await start("example.org/one:1");
      await start("example.org/many:1");
      await start("example.org/many:1");
      await served.text(["snapshots", ...VARVE, "view", "view", chainId]);
      // Else it is garbage.
      await served.text(["snapshots", ...VARVE, "label", "view", "containerd.io/gc.root=1"]);

      await loseAll(served, temp.path);
      assertEquals(await mountsBelow(temp.path), []);
      await served.start();
      await served.containerd.start();

      for (const name of containers) {
        const { code, stdout, stderr } = await served.any(["tasks", "start", name]);
        assertEquals([code, stdout], [3, "the topmost layer\nmade\n"], stderr);
      }
      const target = temp.join("mounted");
      await Deno.mkdir(target);
      const mount = await served.text(["snapshots", ...VARVE, "mounts", target, "view"]);
      // As containerd does it: fsconfig(2) takes no more than 255 bytes for the lowers.
      await run(["sh", "-c", mount], { env: { LIBMOUNT_FORCE_MOUNT2: "always" } });
      try {
        assertEquals(await Deno.readTextFile(`${target}/etc/motd`), "the topmost layer\n");
      } finally {
        await run(["umount", target]);
      }
      for (const name of containers) {
        await served.text(["tasks", "rm", "--force", name]).catch(() => {});
        await served.text(["containers", "rm", name]);
      }
      assertEquals((await served.varve.any(["fsck", "--deep"])).code, 0);
    },
  });
}
