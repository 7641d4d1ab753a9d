/** What is left of containers when everything was started again, and what calls see of a restart. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { FileLock } from "../../../lib/store/disk/lock.ts";
import { boxLayer } from "../../support/images/busybox_image.ts";
import { archiveTar, buildImage, ociFiles } from "../../support/images/images.ts";
import { mountsBelow } from "../../support/machine/census.ts";
import { needs } from "../../support/machine/needs.ts";
import { run, runAny } from "../../support/machine/process.ts";
import { waitUntil } from "../../support/machine/wait.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { namesIn } from "../../support/peers/served_remains.ts";
import { keptSnapshot } from "../../support/peers/ctr_images.ts";
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
      await keptSnapshot(served, "view", "view", chainId);

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

/** What calls of containerd see: when each began and ended, and how. */
interface Seen {
  readonly began: number;
  readonly ended: number;
  readonly code: number;
  readonly stderr: string;
}

/** Calls that go on, one after the other in each lane, until `stop`. */
function callAlways(served: ServedContainerd, key: string) {
  const seen: Seen[] = [];
  let isOver = false;
  const lane = async () => {
    while (!isOver) {
      const began = performance.now();
      // A call that hangs fails this by its time.
      const { code, stderr } = await served.any(["snapshots", ...VARVE, "info", key], HANGS);
      seen.push({ began, ended: performance.now(), code, stderr });
    }
  };
  const lanes = [lane(), lane()];
  return {
    seen,
    /** Waits until some calls that begin now have succeeded. */
    async settled(): Promise<void> {
      const from = performance.now();
      const good = () => seen.filter(({ began, code }) => began > from && code === 0).length;
      await waitUntil("calls that succeed", () => good() >= 2);
    },
    async stop(): Promise<void> {
      isOver = true;
      await Promise.all(lanes);
    },
  };
}

/** Milliseconds after which a call counts as one that hangs. */
const HANGS = 120_000;

/**
 * Milliseconds that a daemon may be away before calls of containerd fail that wait in its inherited socket: containerd
 * itself gives up after a second.
 */
const PATIENCE = 900;

Deno.test({
  name: "with an inherited socket a restart fails no call but those that a kill cuts",
  ...needs({ root: true, mount: true, tools: ["containerd", "ctr", "runc", "busybox", "python3"] }),
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using served = await serveContainerdIn(temp.path, { inherited: true });
    const chainId = await importImage(served, temp.path, "example.org/one:1", 1);
    const calls = callAlways(served, chainId);
    try {
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        await calls.settled();
        const from = performance.now();
        await served.end(signal);
        await served.start();
        const until = performance.now();
        await calls.settled();
        // A machine that is busy starts no daemon in time.
        if (until - from > PATIENCE) continue;
        const failed = calls.seen.filter(({ code, ended }) => code !== 0 && ended > from);
        const wrong = failed.filter(({ began }) => signal === "SIGTERM" || began > from);
        assertEquals(wrong.map(({ stderr }) => stderr), [], signal);
      }
    } finally {
      await calls.stop();
    }
  },
});

/** Milliseconds after a start until containerd calls again: it waits up to three seconds, and a busy machine more. */
const LATEST = 10_000;

Deno.test({
  name: "with a socket of its own a restart of varve is over in seconds, and no call hangs",
  ...NEEDS,
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using served = await serveContainerdIn(temp.path);
    const chainId = await importImage(served, temp.path, "example.org/one:1", 1);
    const calls = callAlways(served, chainId);
    try {
      await calls.settled();
      const from = performance.now();
      await served.restart();
      const until = performance.now();
      await calls.settled();
      for (const { code, began, stderr } of calls.seen) {
        if (code === 0 || began < from) continue;
        assertMatch(stderr, /unavailable|connection error/i);
        assert(began < until + LATEST, `a call fails ${began - until} ms after the start`);
      }
    } finally {
      await calls.stop();
    }
  },
});

Deno.test({
  name:
    "SIGTERM lets an Apply end for ten seconds, then cancels it, and unmounts and removes nothing",
  ...NEEDS,
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using served = await serveContainerdIn(temp.path);
    const chainId = await importImage(served, temp.path, "example.org/kept:1", 1);
    const keeper = `${OWN}-kept`;
    await served.text([...RUN, "--detach", "example.org/kept:1", keeper, "sleep", "1000"]);
    try {
      /** Begins an import whose second layer another process seems to make, until the lock is free. */
      const begin = async (name: string) => {
        const layers = [[{ name: `${name}-below` }], [{ name: `${name}-above` }]];
        const image = buildImage({ name: `example.org/${name}:1`, layers });
        const path = temp.join(`${name}.tar`);
        await Deno.writeFile(path, archiveTar(ociFiles([image])));
        const [, above] = image.layers;
        const lock = await FileLock.acquire(
          `${served.root}/ingest/${above?.descriptor.digest}.lock`,
        );
        const again = ["image", "import", ...VARVE, path];
        const importing = served.any(again);
        await waitUntil("the snapshot of the second layer", async () => {
          const rows: { key: string }[] = await served.varve.json(["snapshot", "ls"]);
          return rows.some(({ key }) => /extract-/.test(key) && key.includes(`${above?.chainId}`));
        });
        return { lock, importing, again, digest: `${above?.descriptor.digest}` };
      };
      const state = async () => [
        ...await mountsBelow(temp.path),
        ...await namesIn(`${served.root}/snapshots`),
        ...await namesIn(`${served.root}/layers`),
        await served.varve.text(["snapshot", "ls"]),
      ];

      const ended = await begin("ended");
      const ending = served.end("SIGTERM");
      await waitUntil("the end of the socket", () => isMissing(temp.join("varve.sock")));
      ended.lock[Symbol.dispose]();
      const { code, stderr } = await ending;
      assertEquals(code, 0, stderr);
      assertMatch(stderr, new RegExp(`applied method=Apply .*digest=${ended.digest}`));
      // containerd's next call found nobody.
      await ended.importing;
      await served.start();
      const info = ["snapshots", ...VARVE, "info", chainId];
      await waitUntil("containerd's connection", async () => (await served.any(info)).code === 0);

      const cut = await begin("cut");
      const before = await state();
      const from = performance.now();
      const end = await served.end("SIGTERM");
      assert(performance.now() - from > 9_900, "the call was cut too early");
      assertEquals(end.code, 0, end.stderr);
      assertMatch(end.stderr, /failed method=Apply .*code=Cancelled/);
      assertEquals(await state(), before);
      cut.lock[Symbol.dispose]();
      assert((await cut.importing).code !== 0);
      const exec = ["tasks", "exec", "--exec-id", "x", keeper, "cat", "/etc/motd"];
      assertEquals(await served.text(exec), "the topmost layer\n");
      await served.start();
      await waitUntil(
        "an import that succeeds",
        async () => (await served.any(cut.again)).code === 0,
      );
    } finally {
      await served.any(["tasks", "rm", "--force", keeper]);
      await served.any(["containers", "rm", keeper]);
    }
  },
});

async function isMissing(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => false, () => true);
}
