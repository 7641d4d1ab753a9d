/**
 * What a user sees, in real terminals of 40, 80 and 200 columns: no word that fits a line is broken, no
 * bar is cut, and no control character of an image arrives.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Cli, MAIN } from "../support/cli/cli.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { varveTerminal } from "../support/cli/varve_terminal.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import type { Terminal } from "../support/machine/terminal.ts";

const need = needs({ tools: ["tmux"] });

const NAME = "registry.example.org/team/application:1.2.3";
/** An ESC sequence that sets the title, a C1 sequence, a right-to-left override, and a tag character. */
const EVIL = "\x1b]0;owned\x07\u009b31m\u202e\u{e0041}";

/** What no program may write of an image. */
// deno-lint-ignore no-control-regex
const UNSAFE = /[\u0007\u001b\u0080-\u009f\u202e\u{e0041}]/u;

function image() {
  return buildImage({
    name: NAME,
    layers: [0, 1, 2].map((at) => [
      { name: `usr/share/layer${at}/a file of a long name with spaces and ${EVIL}`, content: "x" },
    ]),
    config: {
      history: [0, 1, 2].map((at) => ({
        created: "2026-01-01T00:00:00Z",
        created_by: `RUN /bin/sh -c apt-get update && apt-get install --yes package-${at} ${EVIL}`,
        comment: `a comment of the builder about layer number ${at} ${EVIL}`,
      })),
    },
  });
}

/** A terminal, and in it the command on a store that has the image. */
async function open(temp: TempDir, columns: number, term?: string): Promise<Terminal> {
  const cli = new Cli(temp.join("store"));
  const archive = temp.join("app.tar");
  await Deno.writeFile(archive, archiveTar(ociFiles([image()])));
  await cli.text(["load", archive]);
  return await varveTerminal(cli, temp.join(`tmux-${columns}`), columns, term);
}

/** How often each word of a text stands in it, of those that fit a line. The properties of JSON count as words. */
function wordsOf(text: string, columns: number): Map<string, number> {
  const out = new Map<string, number>();
  for (const word of text.replaceAll(/,(?=["{[])/g, ", ").split(/\s+/)) {
    if (word !== "" && word.length <= columns) out.set(word, (out.get(word) ?? 0) + 1);
  }
  return out;
}

/** What is printed elsewhere than on a terminal, where nothing is wrapped. */
async function natural(temp: TempDir, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await commandOn(temp.join("store"))(args);
  return stdout + stderr;
}

for (const columns of [40, 80, 200]) {
  Deno.test({
    name: `terminal of ${columns} columns: help, tables and errors are broken between words`,
    ...need,
    fn: async () => {
      await using temp = await tempDir();
      await using terminal = await open(temp, columns);
      const written = temp.join("written");
      await terminal.tmux("pipe-pane", `cat >${written}`);
      for (
        const args of [
          ["--help"],
          ["import", "--help"],
          ["layers", NAME],
          ["images"],
          ["config", "ls"],
          ["ls", `${NAME}:/usr/share/layer0`],
          ["tag", NAME, `sha256:${"0".repeat(64)}`],
          ["load", "/there is no file of/such a name/at this place.tar"],
        ]
      ) {
        const { shown } = await terminal.shell(`varve ${args.map((arg) => `'${arg}'`).join(" ")}`);
        const words = wordsOf(shown, columns);
        for (const [word, count] of wordsOf(await natural(temp, args), columns)) {
          const message = `${word} of ${args} is broken or missing:\n${shown}`;
          assert((words.get(word) ?? 0) >= count, message);
        }
      }
      // A terminal cuts the history after a word; a pipe has all of it.
      const whole = wordsOf(await natural(temp, ["history", NAME]), Infinity);
      assert(whole.has("package-2"), Deno.inspect(whole));
      const { shown } = await terminal.shell(`varve history ${NAME}`);
      for (const word of wordsOf(shown, columns).keys()) {
        assert(whole.has(word.replace(/…$/, "")), `${word} is a part of a word:\n${shown}`);
      }
      const { shown: piped } = await terminal.shell(`varve history ${NAME} | cat >${written}.pipe`);
      assertEquals(piped.trim(), "");
      assertEquals(
        await Deno.readTextFile(`${written}.pipe`),
        await natural(temp, ["history", NAME]),
      );
      const raw = await Deno.readTextFile(written);
      assertStringIncludes(raw, "apt-get");
      assertEquals(raw.match(UNSAFE)?.[0], undefined);
    },
  });
}

const BARS = new URL("../support/cli/bars_child.ts", import.meta.url).pathname;

for (const columns of [40, 80, 200]) {
  Deno.test({
    name: `terminal of ${columns} columns: bars end where the line ends, with the time left`,
    ...need,
    fn: async () => {
      await using temp = await tempDir();
      await using terminal = await open(temp, columns);
      const bars = [Deno.execPath(), "run", "-A", "--quiet", "--no-check", BARS].join(" ");
      for (const key of ["s", "x"]) {
        await terminal.type(`clear; ${bars}; echo "rc=$?"`);
        await terminal.see(/^all .* s left$/m);
        await terminal.see(/^123456789abc .* s left$/m);
        await terminal.see(/^23456789abcd .* s left$/m);
        const lines = (await terminal.screen()).split("\n");
        const drawn = lines.filter((line) => / left$/.test(line));
        assertEquals(drawn.length, 3, lines.join("\n"));
        for (const line of drawn) {
          assertMatch(line, /^(all|[0-9a-f]{12}) +\[=*-*\] +[0-9]+%.* [0-9]+ s left$/);
          // Where there is room, the amounts and the rate.
          const isWide = columns > 40;
          assertEquals(
            / [0-9.]+ MB of [0-9]+\.[0-9] MB +[0-9.]+ [kM]?B\/s /.test(line),
            isWide,
            line,
          );
        }
        await terminal.tmux("send-keys", key);
        await terminal.see(/^rc=0$/m);
        // What is done stays, bars go.
        const text = (await terminal.screen()).replaceAll(/\n +/g, " ");
        const done = text.split("\n").filter((line) => line.includes("verified"));
        assertEquals(done, [
          "0123456789ab  verified, 123.4 MB at 123.4 MB/s",
          ...(key === "x" ? ["123456789abc  verified", "23456789abcd  verified"] : []),
        ]);
        assertEquals(/ left|\[=/.test(text), false, text);
      }
    },
  });
}

/** Permissions that are enough for a load, but not to read the name of the terminal. */
const SCOPED = "--allow-env='VARVE_*' --allow-sys --allow-read --allow-write --allow-ffi";

/** Bytes of an archive after which its largest layer has begun, and not ended. */
const MIDDLE = 1_000_000;

/** Bytes that bars use: movements of the cursor, and erasing. */
// deno-lint-ignore no-control-regex
const MOVES = /\u001b\[[0-9]*[ABCDGJK]/g;

Deno.test({
  name: "terminal: bars only where they can be drawn, and no colour anywhere",
  ...need,
  fn: async () => {
    await using temp = await tempDir();
    // Its only layer is large, so that it is begun long before the archive ends.
    const content = new Uint8Array(2 * MIDDLE);
    const large = buildImage({
      name: NAME,
      layers: [[{ name: EVIL, content }]],
      packing: ["none"],
    });
    const archive = archiveTar(ociFiles([large]));
    const cases = [
      { name: "screen", env: "", term: "screen", bars: true },
      { name: "plain", env: "", term: "dumb", bars: false },
      { name: "colour", env: "NO_COLOR=1", term: "screen", bars: true },
      { name: "lines", env: "", term: "screen", options: "--progress plain", bars: false },
      { name: "none", env: "", term: "screen", options: "--progress none", bars: false },
      // Whether the terminal can draw is not known, and not asked for.
      { name: "permissions", env: "", term: "screen", flags: SCOPED, bars: false },
    ];
    for (const { name, env, term, options = "", flags, bars } of cases) {
      await using terminal = await open(temp, 80, term);
      const [pipe, written] = [temp.join(`${name}.pipe`), temp.join(`${name}.written`)];
      await run(["mkfifo", pipe]);
      await terminal.tmux("pipe-pane", `cat >${written}`);
      if (env !== "") await terminal.shell(`export ${env}`);
      await terminal.shell(`rm -rf "$VARVE_ROOT"`);
      if (flags !== undefined) {
        const command = `${Deno.execPath()} run ${flags} --quiet --no-check ${MAIN}`;
        await terminal.shell(`varve() { ${command} "$@"; }`);
      }
      // The rest of the archive comes only after the bar was seen.
      await terminal.type(`varve load ${options} - <${pipe}; echo "rc=$?"`);
      {
        using feed = await Deno.open(pipe, { write: true });
        await write(feed, archive.subarray(0, MIDDLE));
        if (bars) await terminal.see(/\[=*-*\]/);
        await write(feed, archive.subarray(MIDDLE));
      }
      await terminal.see(/^rc=0$/m);
      await terminal.see(/1 verified now/);
      const raw = await Deno.readTextFile(written);
      assertEquals(/\[=*-*\]/.test(raw), bars, raw);
      assertEquals(raw.replaceAll(MOVES, "").match(UNSAFE)?.[0], undefined, raw);
      if (!bars) assertEquals(raw.match(MOVES)?.[0], undefined, raw);
    }
  },
});

async function write(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}
