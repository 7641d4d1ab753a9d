/** `varve run --tty` in a real terminal. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { BOX } from "../support/images/busybox_image.ts";
import { needs } from "../support/machine/needs.ts";
import { Terminal } from "../support/machine/terminal.ts";
import { waitUntil } from "../support/machine/wait.ts";
import {
  CONTAINER_TOOLS,
  containerFixture,
  runsOf,
  RUNTIME_NAMES,
} from "../support/peers/container_fixture.ts";

const need = needs({ root: true, mount: true, tools: [...CONTAINER_TOOLS, "tmux", "stty"] });

for (const runtime of RUNTIME_NAMES) {
  for (const tty of [["--tty"], []]) {
    Deno.test({
      name: `run ${tty} (${runtime}): a container ends with its terminal`,
      ...need,
      fn: async () => {
        await using fixture = await containerFixture();
        await using terminal = await Terminal.open(fixture.temp.join("tmux"), {
          columns: 90,
          rows: 30,
          env: {
            PATH: Deno.env.get("PATH") ?? "",
            HOME: Deno.env.get("HOME") ?? "",
            VARVE_ROOT: fixture.root,
            VARVE_DURABILITY: "none",
          },
        });
        // The first process ignores SIGHUP and SIGTERM.
        const script = "'echo be\"\"gun; while :; do sleep 1; done'";
        const options = ["--name", "web", ...tty, "--runtime", runtime, "--stop-timeout", "0"];
        const words = ["run", ...options, BOX, "--", "sh", "-c", script];
        await terminal.type(`clear; ${fixture.varve.command(words).join(" ")}`);
        await terminal.see(/^begun/m);
        await terminal.tmux("new-window", "-d", "sh");
        await terminal.tmux("kill-window", "-t", ":0");
        await waitUntil("the end of the run", async () => {
          const [container] = await fixture.varve.json(["ps"]);
          return container.status === "exited" && (await runsOf(fixture.root)).length === 0;
        });
      },
    });
  }

  Deno.test({
    name: `run without --tty (${runtime}): three times ^C kill a command that ignores it`,
    ...need,
    fn: async () => {
      await using fixture = await containerFixture();
      await using terminal = await Terminal.open(fixture.temp.join("tmux"), {
        columns: 90,
        rows: 30,
        env: {
          PATH: Deno.env.get("PATH") ?? "",
          HOME: Deno.env.get("HOME") ?? "",
          VARVE_ROOT: fixture.root,
          VARVE_DURABILITY: "none",
        },
      });
      const script = '\'trap "" INT; echo be""gun; while :; do sleep 1; done\'';
      const words = ["run", "--rm", "--runtime", runtime, BOX, "--", "sh", "-c", script];
      await terminal.type(
        `trap : INT; clear; ${fixture.varve.command(words).join(" ")}; echo rc=$?`,
      );
      await terminal.see(/^begun$/m);
      // More often than needed: a busy machine can take longer than a user between two of them.
      await waitUntil("the end of the container", async () => {
        await terminal.tmux("send-keys", "C-c");
        return /rc=137$/m.test(await terminal.screen());
      });
      assertEquals(await runsOf(fixture.root), []);
    },
  });

  Deno.test({
    name: `run --tty (${runtime}): a shell, its size, ^C, the exit code, and a terminal as before`,
    ...need,
    fn: async () => {
      await using fixture = await containerFixture();
      await using terminal = await Terminal.open(fixture.temp.join("tmux"), {
        columns: 90,
        rows: 30,
        env: {
          PATH: Deno.env.get("PATH") ?? "",
          HOME: Deno.env.get("HOME") ?? "",
          VARVE_ROOT: fixture.root,
          VARVE_DURABILITY: "none",
        },
      });
      const words = ["run", "--rm", "--tty", "--runtime", runtime, BOX, "--", "sh"];
      const command = fixture.varve.command(words).join(" ");
      await terminal.type(`clear; ${command}; echo rc=$?`);
      await terminal.see(/\/ #/);
      await terminal.type("stty size; test -t 0 && echo t''ty");
      await terminal.see(/^30 90\ntty$/m);
      await terminal.type("echo be''gun; sleep 99; echo i''nterrupted");
      await terminal.see(/^begun$/m);
      await terminal.tmux("send-keys", "C-c");
      await terminal.see(/\^C/);
      await terminal.tmux("resize-window", "-x", "100", "-y", "35");
      await terminal.type("stty size");
      await terminal.see(/^35 100$/m);
      await terminal.type("exit 7");
      await terminal.see(/^rc=7$/m);

      await terminal.type(`clear; ${command}; echo rc=$?; stty -a`);
      // What is waited for now stands on the screen until it is cleared.
      await terminal.gone(/^rc=7$/m);
      await terminal.see(/\/ #/);
      const [name] = await runsOf(fixture.root);
      const runner = await Deno.readTextFile(`${fixture.root}/mounts/${name}/runner`);
      Deno.kill(parseInt(runner), "SIGKILL");
      await terminal.see(/^rc=137$|rc=137\n/m);
      const settings = await terminal.see(/isig[^]*icanon[^]* echo /);
      for (const one of ["isig", "icanon", "echo"]) {
        assertStringIncludes(settings, one);
        if (settings.includes(`-${one} `)) throw new Error(`the terminal is raw: ${settings}`);
      }
    },
  });
}
