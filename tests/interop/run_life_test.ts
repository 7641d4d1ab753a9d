/** How containers end, by themselves and otherwise, and what of them stays: only what they wrote. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { BOX, BOX_TIME } from "../support/images/busybox_image.ts";
import { mountsBelow } from "../support/machine/census.ts";
import { needs } from "../support/machine/needs.ts";
import { waitUntil } from "../support/machine/wait.ts";
import {
  CONTAINER_TOOLS,
  containerFixture,
  isAlive,
  leftovers,
  RUNTIME_NAMES,
  startContainer,
  waitUntilGone,
  watchdogsOf,
} from "../support/peers/container_fixture.ts";
import { namesIn } from "../support/trees/names_in.ts";

const need = needs({ root: true, mount: true, tools: CONTAINER_TOOLS });

const SIGTERM = 15;

/**
 * Whether the shell of a container handles a signal (proc_pid_status(5), `SigCgt`: a mask in hexadecimal). The runtime
 * handles all signals until it becomes the shell.
 */
async function catches(pid: number, signal: number): Promise<boolean> {
  if ((await Deno.readTextFile(`/proc/${pid}/comm`)).trim() !== "sh") return false;
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const mask = BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return (mask >> BigInt(signal - 1) & 1n) === 1n;
}

for (const runtime of RUNTIME_NAMES) {
  const on = ["--runtime", runtime];

  Deno.test({
    name: `run (${runtime}): SIGTERM reaches the command; one that does not handle it is killed`,
    ...need,
    fn: async () => {
      await using fixture = await containerFixture();
      const script = 'trap "echo heard; exit 9" TERM; echo ready; while :; do sleep 0.05; done';
      const polite = await startContainer(fixture, "polite", [
        ...on,
        BOX,
        "--",
        "sh",
        "-c",
        script,
      ]);
      await waitUntil("the trap", () => catches(polite.first, SIGTERM));
      polite.child.kill("SIGTERM");
      const { code, stdout } = await polite.child.output();
      assertEquals([code, new TextDecoder().decode(stdout)], [9, "ready\nheard\n"]);

      const deaf = await startContainer(fixture, "deaf", [
        ...on,
        "--stop-timeout",
        "0",
        BOX,
        "--",
        "sleep",
        "99",
      ]);
      deaf.child.kill("SIGTERM");
      assertEquals((await deaf.child.output()).code, 137);

      const init = await startContainer(fixture, "init", [
        ...on,
        "--init",
        BOX,
        "--",
        "sleep",
        "99",
      ]);
      // Once it has begun the command, it waits for signals.
      await waitUntil("the init's child", async () => {
        const children = `/proc/${init.first}/task/${init.first}/children`;
        const pid = (await Deno.readTextFile(children)).split(" ")[0];
        const command = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "");
        return command.startsWith("sleep");
      });
      init.child.kill("SIGTERM");
      assertEquals((await init.child.output()).code, 143);
      await waitUntilGone(fixture, [polite.id, deaf.id, init.id]);
      const exits = (await fixture.varve.json(["ps"])).map(
        (one: { key: string; status: string; exit: number }) => [one.key, one.status, one.exit],
      );
      assertEquals(exits, [["deaf", "exited", 137], ["init", "exited", 143], [
        "polite",
        "exited",
        9,
      ]]);
    },
  });

  Deno.test({
    name: `run (${runtime}): kill -9 of varve or of the runtime leaves nothing`,
    ...need,
    fn: async () => {
      await using fixture = await containerFixture();
      const command = [...on, "--rm", "-u", "web", BOX, "--", "sh", "-c", "sleep 99 & sleep 98"];
      const orphan = await startContainer(fixture, "orphan", command);
      const mounts = () => mountsBelow(`${fixture.root}/mounts`);
      assert((await mounts()).some((path) => !path.includes("/run-")), "no lower is shared");
      orphan.child.kill("SIGKILL");
      await orphan.child.output();
      await waitUntilGone(fixture, [orphan.id]);
      assertEquals(await isAlive(orphan.first), false);
      // The sweep removes the layer, as --rm asked, and what was mounted for it.
      await waitUntil("the sweep", async () => (await mounts()).length === 0);
      assertEquals(await fixture.varve.json(["ps"]), []);
      assertEquals(
        (await fixture.varve.json(["snapshot", "ls", "--filter", "kind==active"])).length,
        0,
      );

      const killed = await startContainer(fixture, "killed", command);
      Deno.kill(killed.runner, "SIGKILL");
      assertEquals((await killed.child.output()).code, 137);
      await waitUntilGone(fixture, [killed.id]);
      assertEquals(await isAlive(killed.first), false);
    },
  });

  Deno.test({
    name:
      `run (${runtime}): ps shows a run that died with its watchdog and changes nothing; run repairs`,
    ...need,
    fn: async () => {
      await using fixture = await containerFixture();
      const { varve, root } = fixture;
      const sleep = [BOX, "--", "sleep", "99"];
      const kept = await startContainer(fixture, "kept", [...on, ...sleep]);
      const removed = await startContainer(fixture, "removed", [...on, "--rm", ...sleep]);
      for (const { directory, child } of [kept, removed]) {
        for (const pid of await watchdogsOf(directory)) Deno.kill(pid, "SIGKILL");
        child.kill("SIGKILL");
        // Not output(): the container lives on, and holds the other ends of the pipes.
        await Promise.all([child.status, child.stdout.cancel(), child.stderr.cancel()]);
      }
      // Not the processes: those of a container that is still being entered change by themselves.
      const leftThere = async () =>
        (await leftovers(fixture, [kept.id, removed.id])).filter((one) =>
          !one.startsWith("process")
        );
      const left = await leftThere();
      const rows = await varve.json(["snapshot", "ls"]);
      const shown = (await varve.json(["ps"])).map((
        one: { readonly key: string; readonly status: string; readonly exit: number | null },
      ) => [one.key, one.status, one.exit]);
      assertEquals(shown, [["kept", "exited", null], ["removed", "exited", null]]);
      assertEquals(await leftThere(), left);
      assertEquals(await varve.json(["snapshot", "ls"]), rows);
      assertEquals([await isAlive(kept.first), await isAlive(removed.first)], [true, true]);

      assertEquals(await varve.text(["run", "--name", "kept", ...on, BOX]), "cmd\n");
      await waitUntilGone(fixture, [kept.id, removed.id]);
      assertEquals([await isAlive(kept.first), await isAlive(removed.first)], [false, false]);
      assertEquals((await varve.json(["ps"])).map(({ key }: { key: string }) => key), ["kept"]);
      assertEquals(await Array.fromAsync(Deno.readDir(`${root}/snapshots`), () => 1), [1]);
    },
  });

  Deno.test({
    name:
      `run (${runtime}): a run without changes leaves the upper directory empty, and its name runs again`,
    ...need,
    fn: async () => {
      await using fixture = await containerFixture({
        config: { WorkingDir: "/work/dir", Volumes: { "/declared": {} } },
        layer: [{ name: "etc/hosts", target: "/run/made/hosts" }],
      });
      const { varve, root, temp } = fixture;
      await Deno.writeTextFile(temp.join("v"), "");
      const volumes = ["-v", `${temp.path}:/mnt/v`, "-v", `${temp.join("v")}:/opt/file`];
      const script =
        "stat -c '%a %Y' /etc; ls -d /declared /run/made/hosts; pwd; wc -c </etc/hosts";
      const said = await varve.text([
        ...["run", "--name", "k", ...on, ...volumes, BOX, "--", "sh", "-c", script],
      ]);
      assertStringIncludes(said, `751 ${BOX_TIME}\n/declared\n/run/made/hosts\n/work/dir\n`);
      assert(Number(said.trim().split("\n").at(-1)) > 0, "hosts of the machine");
      const { cacheId } = await varve.json(["snapshot", "stat", "k"]);
      const upper = `${root}/snapshots/${cacheId}/fs`;
      assertEquals(await Array.fromAsync(Deno.readDir(upper)), []);
      assertEquals((await Deno.stat(upper)).mtime?.getTime(), BOX_TIME * 1000);

      const again = ["run", "--name", "k", ...on, "-w", "/", BOX, "--", "sh", "-c"];
      await varve.text([...again, "echo 1 >/work/dir/f; rm /noexec"]);
      assertEquals(
        await varve.text([...again, "cat /work/dir/f; ls /noexec 2>&1 | wc -l"]),
        "1\n1\n",
      );
      const names = await Array.fromAsync(Deno.readDir(upper), ({ name }) => name);
      assertEquals(names.sort(), ["noexec", "work"]);

      const held = await startContainer(fixture, "k", [...on, BOX, "--", "sleep", "99"]);
      const second = await varve.any([...again, "true"]);
      assertEquals([second.code, /is running/.test(second.stderr)], [125, true]);
      assertEquals((await varve.any(["snapshot", "rm", "k"])).code, 6);
      const target = temp.join("mnt");
      await Deno.mkdir(target);
      assertEquals((await varve.any(["mount", BOX, target, "--rw", "k"])).code, 6);
      const [row] = await varve.json(["ps"]);
      assertEquals([row.key, row.image, row.status, row.exit], ["k", BOX, "running", null]);
      assertEquals([row.pid, row.command], [held.first, ["sleep", "99"]]);
      Deno.kill(held.first, "SIGKILL");
      assertEquals((await held.child.output()).code, 137);
      await varve.text(["snapshot", "rm", "k"]);
      assertEquals(await varve.json(["ps"]), []);
      await waitUntilGone(fixture, [held.id]);
    },
  });
}

Deno.test({
  name: "run: removes the caches that are beyond cache.size when it has made its own",
  ...need,
  fn: async () => {
    await using fixture = await containerFixture();
    const { varve, root, temp } = fixture;
    for (const name of ["files", "mnt"]) await Deno.mkdir(temp.join(name));
    await varve.text(["import", temp.join("files"), "other:1"]);
    await varve.text(["mount", "other:1", temp.join("mnt")]);
    await varve.text(["umount", temp.join("mnt")]);
    const [unused] = namesIn(`${root}/chains`);
    await varve.text(["config", "set", "cache.size", "1"]);
    assertEquals(await varve.text(["run", "--name", "k", BOX]), "cmd\n");
    const chains = namesIn(`${root}/chains`);
    assertEquals([chains.length, chains.includes(unused as string)], [1, false]);
  },
});

Deno.test({
  name: "run: ten at once do not see each other's changes",
  ...need,
  fn: async () => {
    await using fixture = await containerFixture();
    const { varve, root } = fixture;
    // Each waits until all have written: then they have all run at the same time.
    const meeting = fixture.temp.join("meeting");
    await Deno.mkdir(meeting);
    const all = Array.from({ length: 10 }, async (_, i) => {
      const runtime = RUNTIME_NAMES[i % 3] as string;
      const script = `echo ${i} >/mine; touch /meeting/${i}
        while ! [ -e /meeting/go ]; do sleep 0.05; done
        cat /mine; ls / | grep -c mine`;
      const args = ["run", "--name", `c${i}`, "--runtime", runtime, "-v", `${meeting}:/meeting`];
      return await varve.text([...args, BOX, "--", "sh", "-c", script]);
    });
    const met = Promise.all(all);
    let failure: unknown;
    met.catch((error) => failure = error);
    try {
      await waitUntil("ten containers", () => {
        if (failure !== undefined) throw failure;
        return namesIn(meeting).length === 10;
      }, { seen: () => namesIn(meeting) });
    } finally {
      await Deno.writeTextFile(`${meeting}/go`, "");
    }
    assertEquals(await met, all.map((_, i) => `${i}\n1\n`));
    const rows = await varve.json(["ps"]);
    assertEquals(rows.length, 10);
    await varve.text(["snapshot", "rm", ...rows.map(({ key }: { key: string }) => key)]);
    assertEquals(await leftovers(fixture), []);
    assertEquals(await Array.fromAsync(Deno.readDir(`${root}/snapshots`)), []);
  },
});

Deno.test({
  name: "run: a snapshot of another image is refused (5), and so is a view",
  ...need,
  fn: async () => {
    await using fixture = await containerFixture();
    const { varve } = fixture;
    await varve.text(["snapshot", "prepare", "bare"]);
    await varve.text(["snapshot", "view", "view", BOX]);
    for (const key of ["bare", "view"]) {
      assertEquals((await varve.any(["run", "--name", key, BOX, "--", "true"])).code, 5, key);
    }
  },
});

Deno.test({
  name: "run: the native driver names its stubs, and the times of directories stay",
  ...need,
  fn: async () => {
    await using fixture = await containerFixture({ driver: "native" });
    const { varve, root } = fixture;
    assertEquals(
      await varve.text(["run", "--name", "n", "-w", "/work", BOX, "--", "pwd"]),
      "/work\n",
    );
    const { cacheId } = await varve.json(["snapshot", "stat", "n"]);
    const directory = `${root}/snapshots/${cacheId}`;
    const stubs = JSON.parse(await Deno.readTextFile(`${directory}/stubs`));
    assertEquals(stubs.map(({ path }: { path: string }) => path).sort(), [
      "/dev",
      "/etc/hostname",
      "/etc/hosts",
      "/etc/resolv.conf",
      "/proc",
      "/sys",
      "/work",
    ]);
    for (const path of ["fs", "fs/etc", "fs/work"]) {
      const { mtime } = await Deno.stat(`${directory}/${path}`);
      assertEquals(mtime?.getTime(), BOX_TIME * 1000, path);
    }
    assertEquals(await leftovers(fixture), []);
  },
});

Deno.test({
  name: "run --rm: a key that is there already is refused, and keeps its changes",
  ...need,
  fn: async () => {
    await using fixture = await containerFixture();
    const { varve } = fixture;
    await varve.text(["run", "--name", "work", BOX, "--", "sh", "-c", "echo kept >/new"]);
    const before = await varve.json(["snapshot", "stat", "work"]);
    const { code, stderr } = await varve.any(["run", "--rm", "--name", "work", BOX, "--", "true"]);
    assertEquals(code, 5);
    assertStringIncludes(stderr, 'Cannot run on snapshot "work": it exists already');
    assertEquals(await varve.json(["snapshot", "stat", "work"]), before);
    const again = ["run", "--name", "work", BOX, "--", "cat", "/new"];
    assertEquals(await varve.text(again), "kept\n");
    // A key that is not there is made, and removed.
    await varve.text(["run", "--rm", "--name", "other", BOX, "--", "true"]);
    assertEquals((await varve.json(["ps"])).length, 1);
  },
});

Deno.test({
  name: "run: when no container runs, nothing of the store is mounted, and it can be removed",
  ...need,
  fn: async () => {
    await using fixture = await containerFixture();
    const { varve, root, temp } = fixture;
    const mnt = temp.join("mnt");
    await Deno.mkdir(mnt);
    await varve.text(["run", "--name", "a", BOX, "--", "sh", "-c", "echo kept >/new"]);
    assertEquals(await mountsBelow(root), []);
    // The kept container runs again, beside another one.
    const other = await startContainer(fixture, "b", [BOX, "--", "sleep", "99"]);
    assertEquals(await varve.text(["run", "--name", "a", BOX, "--", "cat", "/new"]), "kept\n");
    assert((await mountsBelow(`${root}/mounts`)).length > 0, "the other one needs its lower");
    other.child.kill("SIGTERM");
    await other.child.output();
    await waitUntilGone(fixture, [other.id]);
    assertEquals(await mountsBelow(root), []);

    await varve.text(["mount", BOX, mnt, "--rw", "a"]);
    const { code, stdout } = await varve.any(["mount"]);
    assertEquals([code, stdout.split("\n").slice(1)], [0, [
      `${mnt}  ${BOX}  read-write  a`,
      "",
    ]]);
    assertEquals((await varve.json(["mount"])).map(({ target }: { target: string }) => target), [
      mnt,
    ]);
    assertEquals(await varve.text(["umount", "--all"]), `${mnt}\n`);
    assertEquals(await varve.json(["mount"]), []);
    assertEquals((await varve.any(["umount"])).code, 2);
    assertEquals((await varve.any(["mount", BOX])).code, 2);
    await Deno.remove(root, { recursive: true });
  },
});

Deno.test({
  name: "rmi refuses the image of a kept container, and --force removes it",
  ...need,
  fn: async () => {
    await using fixture = await containerFixture();
    const { varve } = fixture;
    await varve.text(["run", "--name", "work", BOX, "--", "true"]);
    const { code, stderr } = await varve.any(["rmi", BOX]);
    assertEquals(code, 6);
    assertStringIncludes(stderr, `Cannot remove ${BOX}: container "work" needs it to run again`);
    await varve.text(["tag", BOX, "example.org/other:1"]);
    await varve.text(["rmi", "example.org/other:1"]);
    await varve.text(["rmi", "--force", BOX]);
    assertEquals(await varve.json(["images"]), []);
    assertEquals((await varve.json(["ps"])).length, 1);
  },
});
