/** What needs no Deno runs in Node and Bun, too: the entry points of pure rooms, bundled into one file. */
import { assertEquals } from "@std/assert";
import deno from "../../deno.json" with { type: "json" };
import { needs } from "../support/machine/needs.ts";
import { findBun, findNode } from "../support/machine/other_runtimes.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

/** The entry points that need no Deno. README.md names the same. */
const PORTABLE = ["errors", "digest", "oci", "tree", "layer", "tar", "compress", "erofs"] as const;
const PROJECT = new URL("../../", import.meta.url).pathname;
const PROGRAM = `${PROJECT}tests/support/runtimes/portable.ts`;

async function bundle(entry: string, output: string): Promise<void> {
  await run([Deno.execPath(), "bundle", "--quiet", "--no-check", "--output", output, entry], {
    cwd: PROJECT,
    env: { NO_COLOR: "1" },
  });
}

Deno.test("README.md says which entry points need no Deno", async () => {
  const readme = await Deno.readTextFile(`${PROJECT}README.md`);
  const names = PORTABLE.map((name) => `\`./${name}\``).join(" ");
  assertEquals(readme.replace(/\s+/g, " ").includes(names), true);
});

for (const [name, runtime] of [["node", await findNode()], ["bun", await findBun()]] as const) {
  Deno.test({
    name: `${name}: the bundled pure entry points do the same as in Deno`,
    ...needs({ other: "missing" in runtime ? runtime.missing : undefined }),
    async fn() {
      if ("missing" in runtime) return;
      await using temp = await tempDir();
      await bundle(PROGRAM, temp.join("portable.mjs"));
      const expected = await run([Deno.execPath(), "run", "--no-check", PROGRAM]);
      const found = await run([runtime.program, temp.join("portable.mjs")]);
      assertEquals(found.stdout, expected.stdout);
      // Each by itself, as a user imports it.
      for (const entry of PORTABLE) {
        const file = temp.join(`${entry}.mjs`);
        await bundle(deno.exports[`./${entry}`], file);
        const program = temp.join(`use_${entry}.mjs`);
        const use = `import * as all from ${JSON.stringify(file)};
          console.log(Object.keys(all).sort().join());`;
        await Deno.writeTextFile(program, use);
        const here = await import(import.meta.resolve(`../../${deno.exports[`./${entry}`]}`));
        const names = Object.keys(here).sort().join();
        assertEquals((await run([runtime.program, program])).stdout, `${names}\n`, entry);
      }
    },
  });
}
