import { assert, assertEquals } from "@std/assert";
import { Painter } from "../../../../../../lib/cli/verbs/explore/terminal/paint.ts";
import { screenLines } from "../../../../../../lib/cli/verbs/explore/terminal/screen.ts";
import { press, viewOf } from "../../../../../support/explore/view.ts";
import { layerOf } from "../../../../../support/extraction/arena.ts";
import { threadCpuTime } from "../../../../../support/machine/cpu_time.ts";

/** Directories with as many files each. */
const DIRECTORIES = 100, FILES = 1000;
/** Most CPU time from a key to the text that goes to the terminal, in milliseconds. */
const MOST = 50;
/** How often each key is tried. What the collector of garbage takes falls into one of the tries. */
const TRIES = 2;

/** Keys that look at all entries, and some that do not. */
const KEYS = [
  ...[
    "up",
    "down",
    "tab",
    "down",
    "end",
    "home",
    "page-down",
    "ctrl-space",
    "ctrl-space",
    "ctrl-u",
    "ctrl-u",
  ],
  ...["enter", "enter", "ctrl-a", "ctrl-a", "ctrl-b", " ", " ", "ctrl-f", "9", "9", "backspace"],
  ...["escape", "tab", "ctrl-a", "ctrl-l"],
];

Deno.test("a key in the view of 100,000 files takes 50 ms of CPU time at most", () => {
  const files = (from: number, content: string) =>
    Array.from({ length: DIRECTORIES * FILES / 2 }, (_, i) => ({
      name: `d${(from + i) % DIRECTORIES}/f${from + i}`,
      content: `${content}${i}`,
    }));
  const tars = [files(0, "a"), files(DIRECTORIES * FILES / 2, "b")];
  // The second layer is chosen: the tree shows all files.
  const first = press(viewOf(tars.map((tar) => ({ tree: layerOf(tar).tree }))), "down");
  assert(first.tree.rows.length > DIRECTORIES * FILES);
  const least = new Map<number, number>();
  for (let tries = 0; tries < TRIES; tries++) {
    const painter = new Painter(true);
    let state = first;
    for (const [at, key] of KEYS.entries()) {
      const before = threadCpuTime();
      state = press(state, key);
      painter.paint(screenLines(state));
      least.set(at, Math.min(least.get(at) ?? Infinity, threadCpuTime() - before));
    }
  }
  const slow = [...least].filter(([, ms]) => ms > MOST);
  assertEquals(slow.map(([at, ms]) => `${KEYS[at]}: ${ms} ms`), []);
});
