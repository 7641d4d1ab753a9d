/** What an operator sees of the work for a real containerd: metrics, and lines of the log. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { archiveTar, buildImage, type BuiltImage, ociFiles } from "../../support/images/images.ts";
import { needs } from "../../support/machine/needs.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { serveContainerdIn } from "../../support/peers/served_containerd.ts";

const NEEDS = needs({ root: true, mount: true, tools: ["containerd", "ctr"] });

const GOOD = buildImage({
  name: "example.org/good:1",
  layers: [[{ name: "a", content: "one" }], [{ name: "b", content: "two" }]],
});
const BAD = buildImage({
  name: "example.org/bad:1",
  layers: [[{ name: "c" }], [{ name: "../up", content: "x" }]],
});

/** Metrics by name and labels. */
async function metricsAt(url: string): Promise<Map<string, number>> {
  const text = await (await fetch(url)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const end = line.lastIndexOf(" ");
    return [line.slice(0, end), Number(line.slice(end + 1))];
  }));
}

for (const format of ["json", "text"]) {
  Deno.test({
    name: `metrics and a log as ${format} say which layers were applied and which calls failed`,
    ...NEEDS,
    fn: async () => {
      await using temp = await tempDir("varve-test-", "/var/tmp");
      await using served = await serveContainerdIn(temp.path, {
        args: ["--log", format, "--metrics", "127.0.0.1:0"],
      });
      const importImage = async (image: BuiltImage) => {
        await Deno.writeFile(temp.join("image.tar"), archiveTar(ociFiles([image])));
        const path = temp.join("image.tar");
        return await served.any(["-n", "work", "image", "import", "--snapshotter", "varve", path]);
      };
      assertEquals((await importImage(GOOD)).code, 0);
      assert((await importImage(BAD)).code !== 0);

      const metrics = await metricsAt(served.metrics as string);
      const applied = [...GOOD.layers, BAD.layers[0]].map((layer) =>
        layer as BuiltImage["layers"][0]
      );
      assertEquals(metrics.get("varve_layers_applied_total"), 3);
      const bytes = applied.reduce((sum, { tar }) => sum + tar.length, 0);
      assertEquals(metrics.get("varve_layer_bytes_applied_total"), bytes);
      assertEquals(metrics.get('varve_calls_total{method="Apply",code="OK"}'), 3);
      assertEquals(metrics.get('varve_calls_total{method="Apply",code="DataLoss"}'), 1);
      assertEquals(metrics.get('varve_call_seconds_count{method="Apply"}'), 4);
      assertEquals(metrics.get('varve_snapshots{kind="committed"}'), 3);
      assertEquals(metrics.get("varve_jobs_waiting"), 0);

      const { code, stderr } = await served.end("SIGTERM");
      assertEquals(code, 0);
      const calls = (await countFailed(metrics)) + 3;
      const lines = stderr.trim().split("\n");
      assert(lines.length >= calls, stderr);
      for (const { diffId, descriptor } of applied) {
        const [line, ...more] = lines.filter((line) => line.includes(diffId));
        assert(line !== undefined && more.length === 0, stderr);
        assertLine(line, format, { event: "applied", digest: descriptor.digest });
      }
      const refused = BAD.layers[1]?.descriptor.digest as string;
      const [line, ...more] = lines.filter((line) =>
        line.includes(`Cannot apply layer ${refused}`)
      );
      assert(line !== undefined && more.length === 0, stderr);
      assertLine(line, format, { event: "failed", digest: refused });
    },
  });
}

/** Calls that failed, in all. */
function countFailed(metrics: ReadonlyMap<string, number>): number {
  const failed = [...metrics].filter(([name]) =>
    /^varve_calls_total/.test(name) && !/"OK"/.test(name)
  );
  return failed.reduce((sum, [, count]) => sum + count, 0);
}

/** Checks the fields of a line. */
function assertLine(
  line: string,
  format: string,
  { event, digest }: { readonly event: string; readonly digest: string },
): void {
  const key = /^work\/\d+\/extract-\d+-\S+ sha256:[0-9a-f]{64}$/;
  const level = event === "failed" ? "error" : "info";
  if (format === "json") {
    const entry = JSON.parse(line);
    assertEquals(
      [entry.level, entry.event, entry.method, entry.namespace, entry.digest],
      [level, event, "Apply", "work", digest],
    );
    assertMatch(entry.key, key);
    assertEquals([typeof entry.ms, typeof entry.time], ["number", "string"]);
    return;
  }
  const begin = new RegExp(
    `^\\d{4}-\\d\\d-\\d\\dT\\S+Z ${level} ${event} method=Apply namespace=work key="`,
  );
  assertMatch(line, begin);
  assertMatch(/ key="([^"]*)"/.exec(line)?.[1] ?? "", key);
  assert(line.includes(` digest=${digest} ms=`), line);
}
