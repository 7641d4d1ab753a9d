import { assertEquals, assertThrows } from "@std/assert";
import { LayerScanner } from "../../../lib/layer_job/scanner.ts";
import { concat, header, pax } from "../../support/tar/raw_blocks.ts";

Deno.test("a checkpoint is called within a large hole, and ends the scan by an error", () => {
  const tar = concat(
    pax([
      ["GNU.sparse.size", String(2 ** 35)],
      ["GNU.sparse.numblocks", "1"],
      ["GNU.sparse.map", `${2 ** 35},0`],
    ]),
    header({ name: "f" }),
  );
  let calls = 0;
  const checkpoint = () => {
    if (++calls === 100) throw new RangeError("enough");
  };
  const scanner = new LayerScanner({ checkpoint });
  assertThrows(() => scanner.push(concat(tar, new Uint8Array(1024))), RangeError, "enough");
  assertEquals(calls, 100);
});
