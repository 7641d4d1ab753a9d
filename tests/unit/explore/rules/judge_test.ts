import { assertEquals } from "@std/assert";
import { judge, type RuleName, type Rules } from "../../../../lib/explore/mod.ts";
import { explore } from "../../../support/explore/explore.ts";
import { layerOf } from "../../../support/extraction/arena.ts";
import type { TarFixture } from "../../../support/tar/tar_fixture.ts";

const LAYERS: readonly (readonly TarFixture[])[] = [
  [
    { name: "bin/su", content: "su", mode: 0o4755 },
    { name: "bin/wall", content: "wall", mode: 0o2755 },
    { name: "bin/gone", content: "gone", mode: 0o4755 },
    { name: "etc/key.pem", content: "secret" },
    { name: "big", content: "b".repeat(90) },
    { name: "tmp/", type: "dir", mode: 0o1777 },
    { name: "open/", type: "dir", mode: 0o777 },
    { name: "open/file", content: "", mode: 0o666 },
    { name: "open/link", type: "symlink", target: "file", mode: 0o777 },
  ],
  [{ name: "etc/.wh.key.pem" }, { name: "bin/.wh.gone" }, { name: "big", content: "c".repeat(10) }],
];

/** Status, what the image has, and the paths, of the rules that are not disabled. */
function verdicts(rules: Rules, layers = LAYERS) {
  const report = explore(layers.map((entries) => layerOf(entries)));
  return judge(report, rules).filter(({ status }) => status !== "disabled").map((verdict) => [
    verdict.rule,
    verdict.status,
    verdict.actual,
    verdict.paths.join(" "),
  ]);
}

Deno.test("judge: each rule fails with its paths, and passes at its limit", () => {
  const cases: readonly (readonly [Rules, RuleName, string, number, string])[] = [
    [{ lowestEfficiency: 0.2 }, "lowestEfficiency", "failed", 16 / 116, "big etc/key.pem bin/gone"],
    [{ lowestEfficiency: 16 / 116 }, "lowestEfficiency", "passed", 16 / 116, ""],
    [{ highestWastedBytes: 109 }, "highestWastedBytes", "failed", 110, "big etc/key.pem bin/gone"],
    [{ highestWastedBytes: 110 }, "highestWastedBytes", "passed", 110, ""],
    [{ maxBytes: 116 }, "maxBytes", "passed", 116, ""],
    [{ maxLayers: 1 }, "maxLayers", "failed", 2, ""],
    [{ maxLayers: 2 }, "maxLayers", "passed", 2, ""],
    [{ setuid: [] }, "setuid", "failed", 2, "bin/su bin/wall"],
    [{ setuid: ["/bin/su"] }, "setuid", "failed", 1, "bin/wall"],
    [{ setuid: ["su", "/bin/w*"] }, "setuid", "passed", 0, ""],
    [{ worldWritable: [] }, "worldWritable", "failed", 2, "open open/file"],
    [{ worldWritable: ["/open{,/**}"] }, "worldWritable", "passed", 0, ""],
    [{ forbidden: ["*.pem"] }, "forbidden", "failed", 1, "etc/key.pem"],
    [{ forbidden: ["/*.pem", "pem"] }, "forbidden", "passed", 0, ""],
  ];
  for (const [rules, ...expected] of cases) assertEquals(verdicts(rules), [expected]);
  const [[, status, , paths] = []] = verdicts({ maxBytes: 115 });
  assertEquals([status, String(paths).split(" ")[0]], ["failed", "big"]);
});

Deno.test("judge: the share of wasted bytes, as dive has it where users add nothing", () => {
  const rules = { highestUserWastedPercent: 0.1 };
  assertEquals(verdicts(rules, [[{ name: "a", content: "x" }]]), [
    ["highestUserWastedPercent", "passed", NaN, ""],
  ]);
  assertEquals(verdicts(rules, [[{ name: "a", content: "x" }], [{ name: ".wh.a" }]]), [
    ["highestUserWastedPercent", "failed", Infinity, "a"],
  ]);
});
