/** An error while the terminal view of the explorer is open. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { varveTerminal } from "../support/cli/varve_terminal.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { tarOf } from "../support/tar/tar_fixture.ts";

const FAILING = new URL("../support/cli/failing_size.ts", import.meta.url).pathname;

Deno.test({
  name:
    "explore on a terminal: after an error the terminal is restored, and the error is on stderr",
  ...needs({ tools: ["tmux"] }),
  async fn() {
    await using temp = await tempDir();
    const varve = commandOn(temp.join("store"));
    await Deno.writeFile(temp.join("app.tar"), tarOf([{ name: "etc/passwd", content: "root" }]));
    assertEquals((await varve(["import", temp.join("app.tar"), "app:1"])).code, 0);
    const cli = new Cli(temp.join("store"));
    await using terminal = await varveTerminal(cli, temp.join("tmux"), 100);
    const words = cli.command([]).map((word) =>
      word === "-A" ? `-A --quiet --preload ${FAILING}` : word
    );
    await terminal.shell(`failing() { ${words.join(" ")} "$@"; }; stty -g >${temp.join("before")}`);
    await terminal.type(`failing explore app:1 2>${temp.join("stderr")}; echo "rc=$?"`);
    await terminal.see(/^● Layers/m);
    await terminal.tmux("resize-window", "-x", "77", "-y", "20");
    await terminal.see(/^rc=1$/m);
    const screen = await terminal.screen();
    assert(!screen.includes("Layers"), screen);
    const shown = await terminal.tmux(
      "display-message",
      "-p",
      "#{alternate_on} #{cursor_flag} #{wrap_flag}",
    );
    assertEquals(shown, "0 1 1\n");
    await terminal.shell(`stty -g >${temp.join("after")}`);
    assertEquals(
      await Deno.readTextFile(temp.join("after")),
      await Deno.readTextFile(temp.join("before")),
    );
    const stderr = await Deno.readTextFile(temp.join("stderr"));
    assertMatch(stderr, /^varve: .*Cannot read the size of the terminal: it is broken/);
  },
});
