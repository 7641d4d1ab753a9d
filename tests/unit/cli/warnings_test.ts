import { assertEquals } from "@std/assert";
import type { Context } from "../../../lib/cli/context.ts";
import { warnOf, warnOfDrops } from "../../../lib/cli/display/warnings.ts";

/** What is said to the user. */
function said(tell: (context: Context) => void): string[] {
  const lines: string[] = [];
  tell({ warn: (line: string) => lines.push(line) } as unknown as Context);
  return lines;
}

Deno.test("a warning says what was left out of files, once per reason, and nothing when nothing was", () => {
  const none = {
    owner: 0,
    device: 0,
    "xattr-trusted": 0,
    "xattr-security": 0,
    "xattr-unsupported": 0,
    time: 0,
  };
  assertEquals(said((context) => warnOfDrops(context, "out", none)), []);
  assertEquals(said((context) => warnOfDrops(context, "out", { ...none, owner: 7, device: 2 })), [
    "out: files belong to you, because only root can give them to others (owner): 7×",
    "out: device nodes were left out (device): 2×",
  ]);
});

Deno.test("a warning says what was left out of a layer, with its code and the first case", () => {
  const warnings = [{ code: "W_AUFS", count: 3, example: ".wh..wh.plnk" }] as const;
  assertEquals(said((context) => warnOf(context, "layer 12", warnings)), [
    "layer 12: AUFS metadata was left out (W_AUFS): 3×, first .wh..wh.plnk",
  ]);
});
