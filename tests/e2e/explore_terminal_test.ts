/** The terminal view of the explorer, in a real terminal. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { varveTerminal } from "../support/cli/varve_terminal.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { waitUntil } from "../support/machine/wait.ts";
import { tarOf } from "../support/tar/tar_fixture.ts";

const NAME = "example.org/app:1";
const EVIL = "\x1b]0;owned\x07\u202e";

/** Sequences that the view itself uses. */
// deno-lint-ignore no-control-regex
const OWN = /\x1b\[(?:[0-9;]*[HKJm]|\?(?:7|25|1049)[hl])/g;
/** What no name may bring. */
// deno-lint-ignore no-control-regex
const UNSAFE = /owned\x07|\u202e|\x1b\]/;

Deno.test({
  name:
    "explore on a terminal: layout, resize, extract, and the terminal is restored after q and signals",
  ...needs({ tools: ["tmux"] }),
  async fn() {
    await using temp = await tempDir();
    const varve = commandOn(temp.join("store"));
    const tars = [
      [
        { name: "etc/passwd", content: "root" },
        { name: "etc/shadow", content: "secret" },
        { name: `etc/${EVIL}`, content: "evil" },
      ],
      [{ name: "etc/.wh.shadow" }, { name: "etc/passwd", content: "changed" }],
    ];
    await Deno.writeFile(temp.join("base.tar"), tarOf(tars[0] ?? []));
    await Deno.writeFile(temp.join("top.tar"), tarOf(tars[1] ?? []));
    assertEquals((await varve(["import", temp.join("base.tar"), "base:1"])).code, 0);
    assertEquals((await varve(["append", "base:1", temp.join("top.tar"), NAME])).code, 0);
    const cli = new Cli(temp.join("store"));
    await using terminal = await varveTerminal(cli, temp.join("tmux"), 120);
    const written = temp.join("written");
    const out = temp.join("out");
    await Deno.mkdir(out);
    await terminal.shell(`cd ${out}; stty -g >${temp.join("before")}`);
    await terminal.tmux("pipe-pane", `cat >${written}`);
    const size = async (columns: number, rows: number) => {
      await terminal.tmux("resize-window", "-x", `${columns}`, "-y", `${rows}`);
    };
    const keys = async (...names: string[]) => void await terminal.tmux("send-keys", ...names);
    /** After the view: the screen of before, the settings of the terminal, and the exit code. */
    const isRestored = async (code: number) => {
      await terminal.see(new RegExp(`^rc=${code}$`, "m"));
      const screen = await terminal.screen();
      assert(!screen.includes("Layers"), screen);
      assertMatch(screen, /explore example\.org\/app:1/);
      const shown = await terminal.tmux(
        "display-message",
        "-p",
        "#{alternate_on} #{cursor_flag} #{wrap_flag}",
      );
      assertEquals(shown, "0 1 1\n");
      await terminal.shell(`stty -g >${temp.join("after")}; clear`);
      assertEquals(
        await Deno.readTextFile(temp.join("after")),
        await Deno.readTextFile(temp.join("before")),
      );
    };
    const start = async () => {
      await terminal.type(`varve explore ${NAME}; echo "rc=$?"`);
      await terminal.see(/^● Layers/m);
    };

    await size(120, 40);
    await start();
    const lines = (await terminal.screen()).trimEnd().split("\n");
    assertEquals(lines.length, 40);
    assertMatch(lines[0] ?? "", /^● Layers ─+ │ Current Layer Contents ─+$/);
    assertMatch(lines[2] ?? "", /^▌ .* varve import .*A drwxr-xr-x +0:0 +14 B {2}└── etc$/);
    assertMatch(lines[39] ?? "", /^q:quit Tab:pane /);
    // The second layer, and a file of it.
    await keys("Down", "Tab");
    await terminal.see(/^● Layers|│ Layers ─+ ● Current Layer Contents/m);
    await keys("End", "C-e");
    await terminal.see(/^Extracted \/etc\/shadow to \.\/shadow, 6 B$/m);
    await keys("C-e");
    await terminal.see(/^Cannot extract \/etc\/shadow: \.\/shadow exists$/m);
    await keys("Up", "C-e");
    await terminal.see(/^Extracted \/etc\/passwd /m);
    await keys("Home", "C-e");
    await terminal.see(
      /^Cannot extract \/etc: it is no regular file \(varve cp example\.org\/app:1:\/etc \.\)$/m,
    );
    // Another size: one pane.
    await size(40, 12);
    await terminal.see(/^● Current Layer Contents ─+$/m);
    const small = (await terminal.screen()).trimEnd().split("\n");
    assertEquals(small.length, 12);
    assertMatch(
      small.join("\n"),
      /^ {2}PATH\nM └── etc\nU? *├── .*\nM {5}├── passwd\nD {5}└── shadow\n/m,
    );
    await keys("C-f");
    await terminal.tmux("send-keys", "-l", "pass");
    await terminal.see(/^Filter: pass▏$/m);
    await keys("Enter", "Tab");
    await terminal.see(/^● Layers ─+$/m);
    await keys("q");
    await isRestored(0);
    assertEquals(await Deno.readTextFile(`${out}/passwd`), "changed");
    assertEquals(await Deno.readTextFile(`${out}/shadow`), "secret");

    await start();
    await keys("C-c");
    await isRestored(0);
    for (const [signal, code] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
      await start();
      Deno.kill(await viewOf(temp.join("store")), signal);
      await isRestored(code);
    }
    // A pipe gets text.
    await terminal.shell(`varve explore ${NAME} | cat >${temp.join("piped")}`);
    assertEquals(
      await Deno.readTextFile(temp.join("piped")),
      (await varve(["explore", NAME])).stdout,
    );
    const { shown } = await terminal.shell(`varve explore ${NAME} --format text`);
    assertMatch(shown, /EFFICIENCY|efficiency/);
    const rest = (await Deno.readTextFile(written)).replaceAll(OWN, "");
    assertEquals(UNSAFE.exec(rest)?.[0], undefined);
  },
});

/** The process of the view on a store. */
async function viewOf(root: string): Promise<number> {
  const read = (path: string) => Deno.readTextFile(path).catch(() => "");
  return await waitUntil("the process", async () => {
    for await (const { name } of Deno.readDir("/proc")) {
      if (!/^[0-9]+$/.test(name)) continue;
      const words = (await read(`/proc/${name}/cmdline`)).split("\0");
      if (!words.includes("explore") || !words.includes(NAME)) continue;
      const variables = (await read(`/proc/${name}/environ`)).split("\0");
      if (variables.includes(`VARVE_ROOT=${root}`)) return Number(name);
    }
    return undefined;
  });
}
