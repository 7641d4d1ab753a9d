import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Painter } from "../../../../../../lib/cli/verbs/explore/terminal/paint.ts";
import { screenLines } from "../../../../../../lib/cli/verbs/explore/terminal/screen.ts";
import { resized } from "../../../../../../lib/cli/verbs/explore/terminal/state.ts";
import { textWidth } from "../../../../../../lib/cli/display/width.ts";
import { press, screenText, shownRows, viewOf } from "../../../../../support/explore/view.ts";
import { layerOf } from "../../../../../support/extraction/arena.ts";
import { tarOf } from "../../../../../support/tar/tar_fixture.ts";

const BASE = layerOf(tarOf([
  { name: "bin", type: "dir" },
  { name: "bin/ls", content: "ls".repeat(1000), mode: 0o755 },
  { name: "bin/dir", type: "symlink", target: "ls" },
  { name: "etc", type: "dir" },
  { name: "etc/passwd", content: "root", mode: 0o644 },
  { name: "etc/shadow", content: "secret", mode: 0o600, uid: 7, gid: 42 },
])).tree;
const TOP = layerOf(tarOf([
  { name: "etc", type: "dir" },
  { name: "etc/passwd", content: "changed" },
  { name: "etc/.wh.shadow" },
  { name: "new", content: "new" },
])).tree;

const HISTORY = { createdBy: "RUN a   long\ncommand", created: "2026-01-01T00:00:00Z" };

function view(columns = 120, rows = 30) {
  return viewOf(
    [{ tree: BASE, history: { createdBy: "FROM base" } }, {
      tree: TOP,
      history: HISTORY,
    }],
    columns,
    rows,
  );
}

Deno.test("view: layers on the left, the tree on the right, details below, keys at the end", () => {
  const lines = screenText(view()).split("\n");
  assertEquals(lines.length, 30);
  assertMatch(lines[0] ?? "", /^● Layers ─+ +│ Current Layer Contents ─+$/);
  assertMatch(lines[1] ?? "", /^ +SIZE {2}COMMAND +PERMISSION +UID:GID +SIZE {2}PATH$/);
  assertMatch(lines[2] ?? "", /^▌ +2\.01 kB {2}FROM base +A drwxr-xr-x +0:0 +2\.00 kB {2}├── bin$/);
  assertMatch(lines[3] ?? "", /^ +10 B {2}RUN a long command +A .* {2}│ {3}├── dir → ls$/);
  const text = lines.join("\n");
  assertMatch(text, /^│ Layer Details ─+ A -rwxr-xr-x +0:0 +2\.00 kB +│ {3}└── ls$/m);
  assertMatch(text, /^│ Image Details ─/m);
  assertMatch(text, /^Efficiency: 99\.50 %$/m);
  assertMatch(text, /^ {4}2 +11 B {2}\/etc\/passwd$/m);
  assertEquals(lines.at(-2), "/bin  2.00 kB");
  assertMatch(lines.at(-1) ?? "", /^q:quit Tab:pane \^F:filter \^L:■layer \^A:□aggregated$/);
});

Deno.test("view: the keys of dive", () => {
  const base = press(view(), "down");
  assertEquals(shownRows(base), [
    "U /bin",
    "U /bin/dir",
    "U /bin/ls",
    "M /etc",
    "M /etc/passwd",
    "D /etc/shadow",
    "A /new",
  ]);
  // Each layer has its own tree; the lowest adds all.
  assertEquals(shownRows(press(base, "up")).map((row) => row[0]).join(""), "AAAAAA");
  assertEquals(shownRows(press(base, "up", "ctrl-a")).map((row) => row[0]).join(""), "UUUUUU");
  assertEquals(shownRows(press(base, "ctrl-a", "ctrl-l")), shownRows(base));
  const tree = press(base, "tab");
  assertEquals(shownRows(press(tree, "ctrl-u")).map((row) => row[0]).join(""), "MMDA");
  assertEquals(shownRows(press(tree, "ctrl-u", "ctrl-u")), shownRows(tree));
  assertEquals(shownRows(press(tree, "ctrl-a")).at(-1), "D /etc/shadow");
  assertEquals(shownRows(press(tree, "ctrl-r")).includes("D /etc/shadow"), false);
  // A directory that is hidden itself is shown for what is in it.
  assertEquals(shownRows(press(tree, "ctrl-u", "enter")), [
    "M /etc",
    "D /etc/shadow",
    "A /new",
  ]);
  assertEquals(shownRows(press(tree, "ctrl-u", "enter", "ctrl-a", "ctrl-r")), []);
  assertMatch(screenText(press(tree, "ctrl-u", "enter", "ctrl-a", "ctrl-r")), /nothing to show/);
  // Folding.
  const closed = press(tree, " ");
  assertEquals(shownRows(closed).slice(0, 2), ["U /bin", "M /etc"]);
  assertStringIncludes(screenText(closed), "├─⊕ bin");
  assertEquals(shownRows(press(closed, " ")), shownRows(tree));
  assertEquals(shownRows(press(tree, "ctrl-space")), ["U /bin", "M /etc", "A /new"]);
  assertEquals(shownRows(press(tree, "ctrl-space", "ctrl-space")), shownRows(tree));
  // Right opens and goes in, left goes to the directory.
  const inside = press(tree, "ctrl-space", "down", "right");
  assertMatch(screenText(inside), /^\/etc\/passwd {2}7 B$/m);
  assertMatch(screenText(press(inside, "left")), /^\/etc {2}7 B$/m);
  assertMatch(screenText(press(tree, "end")), /^\/new {2}3 B$/m);
  // Attributes.
  assertEquals(screenText(press(tree, "ctrl-b")).includes("PERMISSION"), false);
  assertEquals(screenText(press(view(40, 12), "tab", "ctrl-b")).includes("PERMISSION"), true);
  // Keys of the view itself.
  assertEquals(press(tree, "q").wish, "quit");
  assertEquals(press(tree, "ctrl-f", "q", "ctrl-c").wish, "quit");
  assertEquals(press(tree, "down", "down", "ctrl-e").wish, { extract: 3 });
});

Deno.test("view: the filter is a regular expression over paths, else text", () => {
  const typing = press(view(), "down", "ctrl-f", ..."ss?h");
  assertMatch(screenText(typing), /^Filter: ss\?h▏$/m);
  assertEquals(shownRows(press(view(), "down", "ctrl-f", ..."sha?d")), ["M /etc", "D /etc/shadow"]);
  assertEquals(shownRows(press(view(), "down", "ctrl-f", ..."^/new$")), ["A /new"]);
  // No regular expression.
  assertEquals(shownRows(press(view(), "down", "ctrl-f", ..."new(")), []);
  assertEquals(shownRows(press(view(), "down", "ctrl-f", ..."new(", "backspace")), ["A /new"]);
  const done = press(view(), "down", "ctrl-f", ..."new", "enter");
  assertMatch(screenText(done), /^Filter: new {2}\/new {2}3 B$/m);
  assertEquals(shownRows(press(done, "escape")).length, 7);
  assertEquals(shownRows(press(view(), "down", "ctrl-f", "x", "escape")).length, 7);
});

Deno.test("view: any size has as many lines as rows, none wider, and what is chosen is on the screen", () => {
  const many = layerOf(tarOf(Array.from({ length: 200 }, (_, i) => ({
    name: `d${String(i % 7)}/${"sub/".repeat(i % 9)}file ${i} \u5f20`,
    content: "x".repeat(i),
  })))).tree;
  let state = press(viewOf([{ tree: many }, { tree: TOP }]), "tab");
  const sizes = [[40, 12], [80, 24], [79, 13], [120, 40], [300, 100], [20, 6], [19, 5], [1, 1]];
  for (const [columns = 0, rows = 0] of sizes) {
    state = resized(state, { columns, rows });
    for (const key of ["page-down", "page-down", "down", "end", "page-up", "home", "tab", "tab"]) {
      state = press(state, key);
      const text = screenText(state);
      assertEquals(text.split("\n").length, rows);
      for (const line of text.split("\n")) {
        assert(textWidth(line) <= columns, `${columns}: ${line}`);
      }
      if (columns < 20 || state.pane !== "tree") continue;
      const chosen = screenLines(state).flatMap((line) => line.flatMap(({ parts }) => parts))
        .filter(({ style }) => style === "chosen");
      assert(chosen.length >= 1, `${columns}×${rows} ${key}`);
      assert(state.cursor >= state.top && state.cursor < state.top + Math.max(1, rows - 4));
    }
  }
});

Deno.test("view: no control character reaches the terminal, and each name is shown as cat takes it", () => {
  const names = [
    "\x1b[31mred",
    "new\nline",
    "\u202egnp.exe",
    "\u009b31m",
    "tag\u{e0041}",
    "back\\slash",
  ];
  const tree = layerOf(tarOf([
    ...names.map((name) => ({ name, content: name })),
    { name: new Uint8Array([0x61, 0xff, 0xfe]), content: "odd" },
    { name: "link", type: "symlink" as const, target: "\x1b]0;owned\x07" },
  ])).tree;
  const history = { createdBy: "RUN \x1b[2J \u202e", created: "\x1b[1m", comment: "\x07" };
  const state = press(viewOf([{ tree, history }]), "tab");
  const filtered = press(state, "ctrl-f", "\u202e");
  for (const isColored of [true, false]) {
    for (const one of [state, filtered]) {
      const out = new Painter(isColored).paint(screenLines(one));
      // deno-lint-ignore no-control-regex
      const text = out.replaceAll(/\x1b\[[0-9;]*[HKm]/g, "");
      // deno-lint-ignore no-control-regex
      assertEquals(/[\x00-\x1f\x7f-\x9f\u202e\u{e0041}]/u.exec(text)?.[0], undefined);
      // Without colours, only bold and reverse.
      // deno-lint-ignore no-control-regex
      if (!isColored) assertEquals(/\x1b\[(?![17]?m|0m)[0-9;]*m/.exec(out)?.[0], undefined);
    }
  }
  const shown = screenText(state);
  for (const name of ["\\x1b[31mred", "new\\x0aline", "back\\\\slash", "a\\xff\\xfe"]) {
    assertStringIncludes(shown, name);
  }
});

Deno.test("view: a painter writes only lines that changed", () => {
  const painter = new Painter(true);
  const state = press(view(), "down", "tab");
  assert(painter.paint(screenLines(state)).length > 1000);
  assertEquals(painter.paint(screenLines(state)), "");
  const lines = painter.paint(screenLines(press(state, "down"))).split("\x1b[2K").length - 1;
  // The row before, the row after, and the path below.
  assertEquals(lines, 3);
  painter.clear();
  assert(painter.paint(screenLines(state)).length > 1000);
});

Deno.test("view: an image without layers or without paths is shown, too", () => {
  const empty = layerOf(tarOf([])).tree;
  for (const state of [viewOf([]), viewOf([{ tree: empty }])]) {
    for (
      const key of ["down", "tab", "down", "right", "left", " ", "ctrl-space", "ctrl-e", "end"]
    ) {
      assertMatch(screenText(press(state, "tab", key)), /nothing to show/);
    }
    assertEquals(press(state, "tab", "ctrl-e").wish, undefined);
    assertMatch(screenText(state), /Image: {6}app:1/);
  }
});
