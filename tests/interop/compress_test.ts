import { assertEquals, assertNotEquals } from "@std/assert";
import { compress } from "../../lib/codec/compress/mod.ts";
import { needs } from "../support/machine/needs.ts";
import { run, runAny } from "../support/machine/process.ts";
import { concat, frame, inflate, member, sample } from "../unit/codec/compress/support.ts";

const CONTENT = sample(9 * 1024 ** 2 + 4321);

async function packed(format: "gzip" | "zstd"): Promise<Uint8Array<ArrayBuffer>> {
  return concat(...await Array.fromAsync(compress([CONTENT], { format })));
}

for (const args of [["-dc"], ["-t"]]) {
  Deno.test({
    name: `gzip ${args[0]} reads what compress writes`,
    ...needs({ tools: ["gzip"] }),
    fn: async () => {
      const { bytes } = await run(["gzip", ...args], { stdin: await packed("gzip") });
      assertEquals(bytes, args[0] === "-t" ? new Uint8Array(0) : CONTENT);
    },
  });
}

Deno.test({
  name: "zstd reads what compress writes",
  ...needs({ tools: ["zstd"] }),
  fn: async () => {
    const stdin = await packed("zstd");
    assertEquals((await run(["zstd", "-qdc"], { stdin })).bytes, CONTENT);
    await run(["zstd", "-qt"], { stdin });
  },
});

Deno.test({
  name: "decompressor reads what gzip writes",
  ...needs({ tools: ["gzip"] }),
  fn: async () => {
    for (const level of ["-1", "-6", "-9"]) {
      const { bytes } = await run(["gzip", "-c", level], { stdin: CONTENT });
      assertEquals(inflate(bytes), CONTENT);
    }
  },
});

Deno.test({
  name: "decompressor reads what zstd writes",
  ...needs({ tools: ["zstd"] }),
  fn: async () => {
    for (const options of [["-1"], ["-3", "--no-check"], ["-19"], ["-3", "--long=27"], ["-T2"]]) {
      const { bytes } = await run(["zstd", "-qc", ...options], { stdin: CONTENT });
      assertEquals(inflate(bytes), CONTENT);
    }
  },
});

Deno.test({
  name: "a zstd window over the limit is refused as zstd itself refuses it",
  ...needs({ tools: ["zstd"] }),
  fn: async () => {
    const { bytes } = await run(["zstd", "-qc", "--ultra", "--long=28"], { stdin: CONTENT });
    assertNotEquals((await runAny(["zstd", "-qdc"], { stdin: bytes })).code, 0);
    let code = "";
    try {
      inflate(bytes);
    } catch (error) {
      code = (error as { code: string }).code;
    }
    assertEquals(code, "E_LIMIT");
    assertEquals(inflate(bytes, { limits: { zstdWindowBytes: 256 * 1024 ** 2 } }), CONTENT);
  },
});

Deno.test({
  name: "many members or frames are decompressed as gzip and zstd do it",
  ...needs({ tools: ["gzip", "zstd"] }),
  fn: async () => {
    const small = CONTENT.subarray(0, 5000);
    for (const [tool, one] of [["gzip", member(small)], ["zstd", frame(small)]] as const) {
      const stdin = concat(one, one, one);
      const { bytes } = await run([tool, "-qdc"], { stdin });
      assertEquals(inflate(stdin), bytes);
    }
  },
});
