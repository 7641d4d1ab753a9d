import { assert, assertEquals, assertThrows } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { createInflater } from "../../../lib/layer_job/inflater_choice.ts";
import { chooseInflater, layerJob } from "../../../lib/layer_job/internal.ts";
import type { InflaterName } from "../../../lib/layer_job/mod.ts";
import { isalInflaters } from "../../../lib/linux/internal.ts";
import { createPool } from "../../../lib/pool/mod.ts";
import { inPieces, LAYERS, streamInput, type TestLayer } from "./layers.ts";

// Loads libisal before the first test: the resource sanitizer would take it for a leak.
const isFit = typeof isalInflaters() !== "string";

Deno.test("chooseInflater: node:zlib when asked for, and when libisal does not work", () => {
  assertEquals(chooseInflater("zlib"), { name: "zlib", why: "it was asked for" });
  const auto = chooseInflater();
  assertEquals(auto.name, isFit ? "isal" : "zlib");
  assert(auto.why.length > 0);
  if (isFit) assertEquals(chooseInflater("isal").name, "isal");
  else assertEquals(assertThrows(() => chooseInflater("isal"), VarveError).code, "E_UNSUPPORTED");
});

Deno.test("createInflater: auto takes node:zlib for small layers and those of unknown size", () => {
  const has = (name: InflaterName, size: number): boolean => {
    const made = createInflater(name, size);
    made?.close();
    return made !== undefined;
  };
  assertEquals([has("auto", 0), has("auto", 1000), has("auto", 2_000_000)], [false, false, isFit]);
  assertEquals([has("zlib", 2_000_000), has("zlib", 1000)], [false, false]);
  if (isFit) assertEquals([has("isal", 1000), has("isal", 0)], [true, true]);
});

Deno.test({
  name: "a layer is the same with every inflater",
  ignore: !isFit,
  fn: async () => {
    await using pool = createPool({ inline: true });
    for (const layer of LAYERS as readonly TestLayer[]) {
      const run = (inflater: InflaterName) =>
        pool.run(layerJob, { ...streamInput(layer), inflater }, {
          stream: inPieces(layer.blob, 4097),
        });
      assertEquals(await run("isal"), await run("zlib"));
    }
  },
});
