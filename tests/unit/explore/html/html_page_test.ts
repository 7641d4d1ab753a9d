import { assert, assertEquals, assertMatch } from "@std/assert";
import { createHash } from "node:crypto";
import { htmlPage } from "../../../../lib/explore/mod.ts";
import { pageProgram } from "../../../../lib/explore/page/program.ts";
import { explore } from "../../../support/explore/explore.ts";
import { layerOf } from "../../../support/extraction/arena.ts";
import type { TarFixture } from "../../../support/tar/tar_fixture.ts";

const HOSTILE = "</script><script>alert(1)</script><!--";

function page(more: readonly TarFixture[] = []): string {
  const layer = layerOf([
    { name: "a/b", content: "x" },
    { name: "it</script>", content: "y" },
    ...more,
  ]);
  const report = explore([{ tree: layer.tree, history: { createdBy: HOSTILE } }]);
  const image = { name: HOSTILE, about: HOSTILE, report, store: null };
  return [...htmlPage([image], null)].join("");
}

/** The text of a page's data. */
function dataOf(html: string): string {
  const [, data = ""] = /<script type="application\/json" id="data">([^]*?)<\/script>/.exec(html) ??
    [];
  return data;
}

Deno.test("page: the policy allows only its own program and style, by their hashes", () => {
  const html = page();
  const [, policy = ""] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html) ?? [];
  const hash = (text = "") => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  const [, style] = /<style>([^]*?)<\/style>/.exec(html) ?? [];
  const [, program] = /<script>([^]*?)<\/script>/.exec(html) ?? [];
  assertEquals(program, pageProgram());
  assertEquals(policy.split("; "), [
    "default-src 'none'",
    `script-src ${hash(program)}`,
    `style-src ${hash(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ]);
});

Deno.test("page: what comes from an image is only data", () => {
  const html = page();
  assertEquals(html.match(/<script/g)?.length, 2);
  assertEquals(html.match(/<\/script/g)?.length, 2);
  const data = dataOf(html);
  assert(!data.includes("<"));
  const { images: [image] } = JSON.parse(data);
  assertEquals([image.name, image.layers[0].command], [HOSTILE, HOSTILE]);
});

Deno.test("page: the program is small, plain JavaScript, and makes no markup of text", () => {
  const program = pageProgram();
  assert(program.length < 150_000);
  assertEquals(
    /<\/script|<!--|innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|\.html\(/i.test(
      program,
    ),
    false,
  );
  assertMatch(program, /\nexplorer\(\);\n$/);
  // It is a program: the parser takes it.
  new Function(program);
});

Deno.test("page: of many equal files, all are counted, and the first paths are there", () => {
  const equal = Array.from({ length: 30 }, (_, i) => ({ name: `equal/${i}`, content: "same" }));
  const { images: [image] } = JSON.parse(dataOf(page(equal)));
  const [[size, count, paths]] = image.duplicateFiles;
  assertEquals([size, count, paths.length, image.duplicates[0]], [4, 30, 20, 29]);
});
