/** The explorer on an image of 4,096 levels with 64 kB of history and labels: every view answers, none recurses. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Painter } from "../../lib/cli/verbs/explore/terminal/paint.ts";
import { screenLines } from "../../lib/cli/verbs/explore/terminal/screen.ts";
import { htmlPage } from "../../lib/explore/mod.ts";
import type { PageData } from "../../lib/explore/page/data.ts";
import { icicle, treemap } from "../../lib/explore/page/layouts.ts";
import {
  bytesBelow,
  entriesOf,
  indexOf,
  lowerPaths,
  modelOf,
  pathOf,
} from "../../lib/explore/page/model.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { explore } from "../support/explore/explore.ts";
import { press, screenText, viewOf } from "../support/explore/view.ts";
import { layerOf } from "../support/extraction/arena.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const LEVELS = 4096;
const NAME = "example.org/deep:1";
const EVIL = "</script><img src=x onerror=alert(1)>\x1b[2J\u202e\n";
/** 64 kB of text. */
const LONG = EVIL.repeat(Math.ceil(65_536 / EVIL.length)).slice(0, 65_536);
/** The deepest path: names of one letter. */
const DEEP = `${"d/".repeat(LEVELS - 1)}f`;

const LAYERS = [
  [{ name: DEEP, content: "deep" }, { name: `top ${EVIL.replace("/", "")}`, content: "x" }],
  [{ name: DEEP, content: "deep again" }, { name: "d/.wh.none" }],
];
const IMAGE = buildImage({
  name: NAME,
  layers: LAYERS,
  config: {
    config: { Labels: { long: LONG, [LONG.slice(0, 1000)]: "x" } },
    history: LAYERS.map(() => ({ created_by: LONG, comment: LONG, author: LONG })),
  },
});
const TREES = IMAGE.layers.map(({ tar }) => ({
  tree: layerOf(tar).tree,
  history: { createdBy: LONG, comment: LONG },
}));

// deno-lint-ignore no-control-regex
const UNSAFE = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/;

Deno.test("explore: 4,096 levels and 64 kB of history as text and JSON, and the path can be given back", async () => {
  await using temp = await tempDir();
  const varve = commandOn(temp.join("store"));
  await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles([IMAGE])));
  const loaded = await varve(["load", temp.join("app.tar")]);
  assertEquals(loaded.code, 0, loaded.stderr);
  const text = await varve(["explore", NAME]);
  assertEquals([text.code, UNSAFE.exec(text.stdout)?.[0]], [0, undefined]);
  const json = await varve(["explore", NAME, "--format", "json"]);
  assertEquals(UNSAFE.exec(json.stdout)?.[0], undefined);
  const { paths, wastedFiles, layers } = JSON.parse(json.stdout);
  assertEquals(paths.length, LEVELS + 1);
  assertEquals(layers[0].createdBy, LONG);
  assertEquals(wastedFiles.map((one: { path: string }) => one.path), [`/${DEEP}`]);
  const file = await varve(["cat", `${NAME}:${wastedFiles[0].path}`]);
  assertEquals([file.code, file.stdout], [0, "deep again"]);
});

Deno.test("explore: a page of 4,096 levels, whose maps, tree and search do not recurse", () => {
  const image = { name: NAME, about: EVIL, report: explore(TREES), store: null };
  for (const live of [false, true]) {
    const page = [...htmlPage([image], null, { live })].join("");
    assertEquals(page.split("</script>").length, 3);
    assertEquals(page.includes("<img"), false);
    const text = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)?.[1];
    const data: PageData = JSON.parse(text ?? "");
    const model = modelOf(data.images[0] as PageData["images"][0]);
    const deepest = indexOf(model, `/${DEEP}`);
    assertEquals(pathOf(model, deepest), `/${DEEP}`);
    assertEquals(lowerPaths(model)[deepest], `/${DEEP}`);
    const bytes = bytesBelow(model, -1);
    assertEquals(bytes[0], "deep".length + "deep again".length + 1);
    const source = {
      entries: (at: number) => entriesOf(model, at),
      bytes: (at: number) => bytes[at] as number,
    };
    const bounds = { width: 100_000, height: 100_000, least: 4, most: 4000 };
    assert(treemap(source, 0, bounds).length > 1000);
    assert(icicle(source, 0, bounds).length > 3);
  }
  // Where there are too many levels for a page, it says so.
  const folded = [...htmlPage([image], null, { most: 100 })].join("");
  assertStringIncludes(folded, `"folded":[1,`);
});

Deno.test("explore: the terminal view of 4,096 levels shows what is chosen, and no control character", () => {
  let state = viewOf(TREES, 100, 20);
  const painter = new Painter(true);
  const keys = ["down", "tab", "down", "page-down", "end", "up", "left", "left", "right", " "];
  for (const key of [...keys, "ctrl-space", "ctrl-space", "ctrl-u", "ctrl-f", "f", "\u202e"]) {
    state = press(state, key);
    // deno-lint-ignore no-control-regex
    const out = painter.paint(screenLines(state)).replaceAll(/\x1b\[[0-9;]*[HKm]/g, "");
    assertEquals(UNSAFE.exec(out)?.[0], undefined);
  }
  const deepest = screenText(press(viewOf(TREES, 100, 20), "tab", "end", "up"));
  assertStringIncludes(deepest, "└── f\n");
  assertStringIncludes(deepest, "/d/d/f  4 B\n");
});
