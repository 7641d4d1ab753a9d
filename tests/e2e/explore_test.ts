import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openStore } from "../../lib/store/mod.ts";
import { diskUsage } from "../../lib/upkeep/mod.ts";
import { Cli } from "../support/cli/cli.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { tarOf } from "../support/tar/tar_fixture.ts";

const APP = "example.org/app:1";

/** A store with the sample image. */
async function sampleStore(temp: TempDir) {
  const varve = commandOn(temp.join("store"));
  await Deno.writeFile(temp.join("app.tar"), archiveTar(ociFiles([sampleImage({ name: APP })])));
  const { code, stderr } = await varve(["load", temp.join("app.tar")]);
  assertEquals(code, 0, stderr);
  return varve;
}

Deno.test("explore: a report as text and as JSON", async () => {
  await using temp = await tempDir();
  const varve = await sampleStore(temp);
  const { stdout: text, code } = await varve(["explore", APP]);
  assertEquals(code, 0);
  assertMatch(text, /^example\.org\/app:1 {2}linux\/amd64 {2}[0-9a-f]{12}\n/);
  assertMatch(text, /^LAYER +DIFF ID +BYTES +ADDED +CONTENT +ATTRIBUTES +SAME +DELETED +CREATED/m);
  assertMatch(text, /^144\.0 kB +deleted +0 +1 +\/data\/big$/m);
  const report = JSON.parse((await varve(["explore", APP, "--format", "json"])).stdout);
  assertEquals([report.version, report.source.kind, report.source.name], [1, "store", APP]);
  const layers = JSON.parse((await varve(["layers", APP, "--format", "json"])).stdout);
  const pick = (key: string) => layers.map((layer: Record<string, unknown>) => layer[key]);
  assertEquals(report.layers.map((layer: { diffId: string }) => layer.diffId), pick("diffId"));
  assertEquals(report.source.blobs.map((blob: { digest: string }) => blob.digest), pick("digest"));
  const paths = new Map<string, Record<string, unknown>>(
    report.paths.map((one: { path: string }) => [one.path, one]),
  );
  assertEquals(paths.get("/data/big")?.winner, null);
  assertEquals(paths.get("/etc/passwd")?.winner, 2);
  // What the report shows is what the tree has.
  const tree = JSON.parse((await varve(["tree", APP, "--format", "json"])).stdout);
  const shown = report.paths.filter((one: { winner: number | null }) => one.winner !== null);
  assertEquals(
    shown.map((one: { path: string }) => one.path),
    tree.entries.map((entry: { path: string }) => entry.path),
  );
  assertEquals(report.image.count, tree.entries.length);
});

Deno.test("explore: names cannot act on the terminal, and can be given back", async () => {
  await using temp = await tempDir();
  const varve = commandOn(temp.join("store"));
  const names = ["\x1b[31mred", "new\nline", "\u202egnp.exe", "</script>", "\xe9 latin"];
  const files = names.map((name, i) => ({ name, content: `content ${i}`.repeat(9) }));
  const bytes = new Uint8Array([0xff, 0xfe]);
  const layer = tarOf([...files, { name: bytes, content: "odd".repeat(99) }]);
  await Deno.writeFile(temp.join("layer.tar"), layer);
  await Deno.writeFile(temp.join("again.tar"), layer);
  assertEquals((await varve(["import", temp.join("layer.tar"), "names:1"])).code, 0);
  assertEquals((await varve(["append", "names:1", temp.join("again.tar"), "names:2"])).code, 0);
  for (const format of ["text", "json"]) {
    const { stdout } = await varve(["explore", "names:2", "--format", format]);
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/.test(stdout), format);
  }
  const { stdout } = await varve(["explore", "names:2", "--format", "json"]);
  const { wastedFiles } = JSON.parse(stdout);
  assertEquals(wastedFiles.length, names.length + 1);
  for (const { path, bytes } of wastedFiles) {
    const cat = await varve(["cat", `names:2:${path}`]);
    assertEquals([cat.code, cat.bytes.length], [0, bytes], path);
  }
});

Deno.test("explore: its bytes in the store are those of df -v, and what rmi frees", async () => {
  await using temp = await tempDir();
  const varve = await sampleStore(temp);
  const other = buildImage({
    name: "example.org/other:1",
    layers: [[{ name: "x", content: "x".repeat(30_000) }]],
  });
  await Deno.writeFile(temp.join("other.tar"), archiveTar(ociFiles([other])));
  await Deno.writeFile(temp.join("top.tar"), tarOf([{ name: "top", content: "top" }]));
  for (
    const args of [
      ["load", temp.join("other.tar")],
      ["tag", APP, "example.org/same:1"],
      ["append", APP, temp.join("top.tar"), "example.org/more:1"],
      ["squash", APP, "example.org/flat:1"],
    ]
  ) assertEquals((await varve(args)).code, 0, args.join(" "));
  const df = JSON.parse((await varve(["df", "-v", "--format", "json"])).stdout);
  assertEquals(df.images.length, 4);
  for (const { names, size, shared, unique } of df.images) {
    for (const name of names) {
      const { store } = JSON.parse((await varve(["explore", name, "--format", "json"])).stdout);
      assertEquals(store, { size, shared, unique }, name);
    }
  }
  const sizeOfImages = async () => {
    await using store = await openStore({ root: temp.join("store") });
    return (await diskUsage(store)).rows.find(({ type }) => type === "images")?.size ?? 0;
  };
  for (const name of ["example.org/more:1", "example.org/other:1"]) {
    const { store } = JSON.parse((await varve(["explore", name, "--format", "json"])).stdout);
    const before = await sizeOfImages();
    assertEquals((await varve(["rmi", name])).code, 0);
    assertEquals(before - await sizeOfImages(), store.unique, name);
  }
});

Deno.test({
  name: "explore: a snapshot is explored with its changes",
  ...needs({ root: true }),
  async fn() {
    await using temp = await tempDir();
    const varve = await sampleStore(temp);
    const native = ["--driver", "native"];
    assertEquals((await varve(["snapshot", "prepare", "work", APP, ...native])).code, 0);
    const mounts = JSON.parse(
      (await varve(["snapshot", "mounts", "work", "--format", "json", ...native])).stdout,
    );
    const { source } = mounts[0];
    await Deno.writeTextFile(`${source}/new`, "new");
    await Deno.remove(`${source}/opt/app`);
    const { stdout, stderr } = await varve(["explore", "work", "--format", "json"]);
    const report = JSON.parse(stdout || stderr);
    assertEquals([report.source, report.store], [
      { kind: "snapshot", name: "work", manifest: null, blobs: [] },
      null,
    ]);
    const image = JSON.parse((await varve(["explore", APP, "--format", "json"])).stdout);
    assertEquals(report.layers.slice(0, -1), image.layers);
    const top = report.layers.at(-1);
    assertEquals([top.diffId, top.changes.added, top.changes.deleted.count], [
      null,
      { count: 1, bytes: 3 },
      1,
    ]);
    assertStringIncludes((await varve(["explore", "work"])).stdout, "<changes>");
  },
});

Deno.test("explore --ci: exit code 13 and the paths of each rule that fails", async () => {
  await using temp = await tempDir();
  const varve = await sampleStore(temp);
  const rules = temp.join("rules.yaml");
  const judged = async (text: string) => {
    await Deno.writeTextFile(rules, text);
    return await varve(["explore", APP, "--ci", rules]);
  };
  const fails = await judged(
    "rules:\n  lowestEfficiency: 0.999\n  highestUserWastedPercent: off\n  forbidden: [passwd]\n",
  );
  assertEquals([fails.code, fails.stderr], [13, ""]);
  assertMatch(fails.stdout, /^lowestEfficiency +failed +0\.999 /m);
  assertMatch(fails.stdout, /^highestUserWastedPercent +disabled$/m);
  assertMatch(fails.stdout, /^lowestEfficiency failed:\n {2}\/data\/big\n/m);
  assertMatch(fails.stdout, /^forbidden failed:\n {2}\/etc\/passwd\n/m);
  const json = await varve(["explore", APP, "--ci", rules, "--format", "json"]);
  assertEquals(json.code, 13);
  const { rules: verdicts, paths } = JSON.parse(json.stdout);
  assertEquals([paths, verdicts.length], [undefined, 8]);
  assertEquals(verdicts[0].status, "failed");
  const holds = await judged("rules: {lowestEfficiency: 0, highestUserWastedPercent: off}\n");
  assertEquals([holds.code, /failed/.test(holds.stdout)], [0, false]);

  const none = await varve(["explore", APP, "--ci", temp.join("none")]);
  assertEquals(none.code, 4);
  assertMatch(none.stderr, /^varve: Cannot read rules from .*none: there is no such file/);
  const wrong = await judged("rules: {lowestEfficency: 1}\n");
  assertEquals(wrong.code, 2);
  assertMatch(wrong.stderr, /there is no rule "lowestEfficency" \(lowestEfficiency, /);
});

Deno.test("explore --ci: without a file, .dive-ci of the directory, else the defaults of dive", async () => {
  await using temp = await tempDir();
  await sampleStore(temp);
  await Deno.mkdir(temp.join("with"));
  await Deno.writeTextFile(temp.join("with/.dive-ci"), "rules:\n  maxLayers: 1\n");
  const cli = new Cli(temp.join("store"));
  const json = ["explore", APP, "--ci", "--format", "json"];
  const enabled = async (cwd: string) => {
    const { rules } = JSON.parse((await cli.any(json, { cwd })).stdout);
    return rules.filter((rule: { status: string }) => rule.status !== "disabled")
      .map((rule: { rule: string; limit: unknown }) => [rule.rule, rule.limit]);
  };
  const defaults = [["lowestEfficiency", 0.9], ["highestUserWastedPercent", 0.1]];
  assertEquals(await enabled(temp.path), defaults);
  assertEquals(await enabled(temp.join("with")), [...defaults, ["maxLayers", 1]]);
});

Deno.test("explore -o: a file that is there whole or not at all, and what does not go with it", async () => {
  await using temp = await tempDir();
  const varve = await sampleStore(temp);
  const file = temp.join("page.html");
  const json = await varve(["explore", APP, "-o", file, "--format", "json"]);
  assertEquals(JSON.parse(json.stdout), { path: file, bytes: (await Deno.stat(file)).size });
  assertEquals((await varve(["explore", APP, APP, "-o", file])).stdout, `${file}\n`);
  const cases: readonly (readonly [args: string[], code: number, message: RegExp])[] = [
    [["explore", APP, APP], 2, /only a page shows two images \(varve explore .* -o FILE\.html\)/],
    [["explore", APP, "--ci", "-o", file], 2, /--ci with -o/],
    [["explore", APP, "-o", temp.join("none/page.html")], 4, /none/],
    [["explore", APP, "none:1", "-o", temp.join("other.html")], 4, /none:1/],
    // The command line is judged before an image is read.
    [["explore", "none:1", "--ci", "-o", file], 2, /--ci with -o/],
    [["explore", "none:1", "--port", "0", "-o", file], 2, /--port with --ci or -o/],
    [["explore", "none:1", "--port", "x"], 2, /listen on port "x"/],
    [["explore", "none:1", "--ci", temp.join("no_rules")], 4, /no_rules: there is no such file/],
  ];
  for (const [args, code, message] of cases) {
    const said = await varve(args);
    assertEquals(said.code, code, said.stderr);
    assertMatch(said.stderr, message);
  }
  const names = (await Array.fromAsync(Deno.readDir(temp.path))).map(({ name }) => name).sort();
  assertEquals(names, ["app.tar", "page.html", "store"]);
});
