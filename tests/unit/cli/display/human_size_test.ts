import { assertEquals } from "@std/assert";
import { humanSize } from "../../../../lib/cli/display/human_size.ts";
import { needs } from "../../../support/machine/needs.ts";
import { run } from "../../../support/machine/process.ts";

Deno.test({
  name: "human sizes are those of GNU numfmt, which rounds as ls -h and du -h do",
  ...needs({ tools: ["numfmt"] }),
  async fn() {
    const sizes = [
      0,
      1,
      1023,
      1024,
      1025,
      1536,
      9 * 1024,
      10137,
      10138,
      10 * 1024 + 1,
      1023 * 1024,
    ];
    for (let size = 1000; size < 2 ** 53; size *= 3) sizes.push(size, size + 1);
    for (let power = 10; power < 53; power++) {
      sizes.push(2 ** power - 1, 2 ** power, 2 ** power + 1);
    }
    const { stdout } = await run(["numfmt", "--to=iec", "--round=up"], {
      stdin: sizes.map(String).join("\n"),
    });
    assertEquals(sizes.map(humanSize), stdout.trimEnd().split("\n"));
  },
});
