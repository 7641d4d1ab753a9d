/** `varve start`: a container that has ended runs again, as it was run. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { BOX } from "../support/images/busybox_image.ts";
import { needs } from "../support/machine/needs.ts";
import { Terminal } from "../support/machine/terminal.ts";
import {
  CONTAINER_TOOLS,
  containerFixture,
  leftovers,
  runsOf,
  startContainer,
} from "../support/peers/container_fixture.ts";

const need = needs({ root: true, mount: true, tools: CONTAINER_TOOLS });

/** What a run can be told, and a command that shows all of it. The counter is in the snapshot. */
const OPTIONS = [
  ...["-u", "web", "-w", "/new/dir", "--hostname", "box.example.org", "--network", "none"],
  ...["-e", "SECRET", "-e", "WORDS=a  ü\u{1f41f}\n", "-v", "./src:/data:ro"],
  ...["--tmpfs", "/empty:mode=1777", "--stop-timeout", "3", "--init"],
];
const SCRIPT = [
  "echo x >> /tmp/count; cat /tmp/count | wc -l; ls /empty; echo x > /empty/x; id -u; pwd; hostname",
  'echo "$SECRET,$WORDS,$FROM_IMAGE,$1"; cat /data/f; echo y > /data/f; cat /proc/1/comm',
].join("; ");
const SAID = "33\n/new/dir\nbox.example.org\nkept,a  ü\u{1f41f}\n,yes,\nf\ninit\n";

for (const [driver, runtime] of [["erofs", "runc"], ["overlay", "crun"], ["native", "chroot"]]) {
  Deno.test({
    name: `start (${driver}, ${runtime}): the same image, files, options and exit code again`,
    ...need,
    fn: async () => {
      await using fixture = await containerFixture({ driver: driver as string });
      const { varve, temp } = fixture;
      await Deno.mkdir(temp.join("src"));
      await Deno.writeTextFile(temp.join("src/f"), "f\n");
      const name = ["run", "--name", "web", "--runtime", runtime as string];
      const command = [BOX, "--", "sh", "-c", `${SCRIPT} 2>/dev/null; exit 7`, "x", ""];
      const first = await varve.any([...name, ...OPTIONS, ...command], {
        cwd: temp.path,
        env: { SECRET: "kept" },
      });
      assertEquals([first.code, first.stdout], [7, `1\n${SAID}`], first.stderr);
      await varve.text(["snapshot", "prepare", "other", BOX]);
      // The name of the image goes: the container has its image still.
      await varve.text(["rmi", "--force", BOX]);
      for (const count of [2, 3]) {
        const again = await varve.any(["start", "web"]);
        assertEquals([again.code, again.stdout], [7, `${count}\n${SAID}`], again.stderr);
      }
      const [shown] = await varve.json(["ps"]);
      assertEquals(await varve.text(["ps", "-a", "-q"]), "web\n");
      const offered = await varve.text(["completions", "bash", "--", "start", ""]);
      assertEquals(offered, "web\tcontainer, exited\n:\n");
      const none = await varve.any(["inspect", "web"]);
      assertEquals(none.code, 4);
      assertStringIncludes(
        none.stderr,
        "image \"web\": it is a snapshot ('varve snapshot stat web'",
      );
      assertEquals([shown.key, shown.status, shown.exit], ["web", "exited", 7]);
      assertEquals(shown.image, BOX);
      assertEquals(await leftovers(fixture), []);
    },
  });
}

Deno.test({
  name: "start: options that need many labels, and what it refuses",
  ...need,
  fn: async () => {
    await using fixture = await containerFixture();
    const { temp } = fixture;
    // Inside of this process, which is faster. What the containers write is not looked at.
    const command = commandOn(fixture.root);
    const varve = async (args: readonly string[], exit = 0, ...said: readonly string[]) => {
      const result = await command(args, { env: { PATH: Deno.env.get("PATH") ?? "" } });
      assertEquals(result.code, exit, result.stderr);
      for (const one of said) assertStringIncludes(result.stderr, one);
      return result;
    };
    const labels = async (): Promise<Record<string, string>> => {
      const { stdout } = await varve(["snapshot", "stat", "web", "--format", "json"]);
      return JSON.parse(stdout).labels;
    };
    const pieces = async () =>
      Object.keys(await labels()).filter((name) => name.startsWith("varve.container.options."));
    const run = ["run", "--name", "web", "--runtime", "chroot"];
    const long = `A=${"ä".repeat(2000)}`;
    const volume = temp.join("volume");
    await Deno.mkdir(volume);
    const test = ["sh", "-c", 'test "${#A}" -ge 2000'];
    await varve([...run, "-e", long, "-v", `${volume}:/v`, BOX, "--", ...test]);
    await varve(["start", "web"]);
    assertEquals((await pieces()).length > 2, true);
    await Deno.remove(volume);
    await varve(["start", "web"], 4, `Cannot use volume ${volume}: it does not exist`);
    // What a longer record left must not be read with a shorter one.
    await varve([...run, BOX, "--", "true"]);
    assertEquals(await pieces(), ["varve.container.options.0"]);
    await varve(["start", "web"]);

    await varve(["start", "none"], 4, 'Cannot start "none": there is no container', "varve ps");
    await varve(["snapshot", "prepare", "files", BOX]);
    await varve(["start", "files"], 6, "it is the snapshot of no container", "varve run --name");
    const mounted = temp.join("mnt");
    await Deno.mkdir(mounted);
    await varve(["mount", BOX, mounted, "--rw", "web"]);
    await varve(["start", "web"], 6, "it is mounted at", `varve umount ${mounted}`);
    await varve(["umount", mounted]);
    await varve(["start", "web", "--tty"], 6, "not a terminal", "--no-tty");

    const sleep = ["--runtime", "chroot", BOX, "--", "sleep", "99"];
    const running = await startContainer(fixture, "busy", sleep);
    await varve(["start", "busy"], 6, 'Cannot use snapshot "busy": its container is running');
    running.child.kill("SIGKILL");
    await running.child.output();

    const name = "varve.container.options.0";
    const newer = (await labels())[name]?.replace('"version":1', '"version":2');
    for (const bad of [newer, "[]", '{"version":1,"volumes":[{"source":1}]}', "{"]) {
      await varve(["snapshot", "label", "web", `${name}=${bad}`]);
      await varve(["start", "web"], 6, "another version of varve recorded how it was run");
    }
    await varve(["snapshot", "label", "web", `${name}=`]);
    const older = "the version of varve that ran it did not record how";
    await varve(["start", "web"], 6, older, `varve run --name KEY ${BOX} COMMAND`);
    await varve([...run, BOX, "--", "true"]);
    await varve(["snapshot", "label", "web", `varve.image.manifest=sha256:${"0".repeat(64)}`]);
    await varve(["start", "web"], 6, "its image is not in the store any more", "varve pull");
  },
});

Deno.test({
  name: "start: a terminal as in the run, unless --no-tty is given",
  ...needs({ root: true, mount: true, tools: [...CONTAINER_TOOLS, "tmux"] }),
  fn: async () => {
    await using fixture = await containerFixture();
    await using terminal = await Terminal.open(fixture.temp.join("tmux"), {
      columns: 200,
      rows: 30,
      env: { PATH: Deno.env.get("PATH") ?? "", ...fixture.varve.env },
    });
    const line = (args: readonly string[]) =>
      fixture.varve.command(args).map((word) => `'${word}'`).join(" ");
    const show = [
      "--runtime",
      "chroot",
      BOX,
      "--",
      "sh",
      "-c",
      "test -t 0 && echo on || echo off; cat; exit 3",
    ];
    await terminal.type(`clear; ${line(["run", "-t", "--name", "web", ...show])}; echo rc=$?`);
    await terminal.see(/^on$/m);
    await terminal.tmux("send-keys", "C-d");
    await terminal.see(/^rc=3$/m);
    await terminal.type(`clear; ${line(["start", "-i", "web"])}; echo rc=$?`);
    await terminal.gone(/^rc=3$/m);
    await terminal.see(/^on$/m);
    await terminal.tmux("send-keys", "C-d");
    await terminal.see(/^rc=3$/m);
    const without = await fixture.varve.any(["start", "-T", "web"]);
    assertEquals([without.code, without.stdout], [3, "off\n"], without.stderr);
    assertEquals(await runsOf(fixture.root), []);
  },
});
