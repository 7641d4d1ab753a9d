/** The layer job on archives that GNU tar writes, against what GNU tar read. */
import { assert, assertEquals } from "@std/assert";
import { fromText, toHex } from "../../lib/bytes/mod.ts";
import { layerJob } from "../../lib/layer_job/internal.ts";
import { createPool } from "../../lib/pool/mod.ts";
import { decodeTree, walk } from "../../lib/tree/mod.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

for (const format of ["gnu", "pax", "ustar"]) {
  Deno.test({
    name: `the layer job hashes what GNU tar packs: ${format}`,
    ...needs({ tools: ["tar", "sha256sum", "truncate"] }),
    fn: async () => {
      await using temp = await tempDir();
      const dir = temp.join("dir");
      await run(["mkdir", "-p", `${dir}/sub/${"d".repeat(90)}`]);
      await Deno.writeFile(`${dir}/sub/one`, new Uint8Array(70_000).fill(1));
      await Deno.writeFile(`${dir}/sub/${"d".repeat(90)}/two`, new Uint8Array(513).fill(2));
      await Deno.writeTextFile(`${dir}/three`, "three");
      await Deno.writeFile(`${dir}/empty`, new Uint8Array());
      await Deno.link(`${dir}/three`, `${dir}/threelink`);
      await Deno.symlink("three", `${dir}/link`);
      await Deno.writeFile(`${dir}/sparse`, new Uint8Array(5000).fill(3));
      await run(["truncate", "-s", "3000000", `${dir}/sparse`]);
      const file = await Deno.open(`${dir}/sparse`, { write: true });
      await file.seek(2_000_000, Deno.SeekMode.Start);
      await file.write(new Uint8Array(4096).fill(4));
      file.close();
      // Nothing but a hole, and no other sparse file beside it.
      await run(["sh", "-c", `mkdir "${dir}/hole"; truncate -s 1000000 "${dir}/hole/alone"`]);
      const archive = temp.join("layer.tar");
      const sparse = format === "ustar" ? [] : ["-S"];
      await run(["tar", `--format=${format}`, ...sparse, "-cf", archive, "-C", dir, "."]);

      await using pool = createPool({ inline: true });
      const length = (await Deno.stat(archive)).size;
      const { memory, diffId, warnings } = await pool.run(layerJob, {
        source: { kind: "file", path: archive, offset: 0, length },
        target: { kind: "memory" },
        expected: { size: length },
      });
      const sums = await run(["sha256sum", archive]);
      assertEquals(diffId, `sha256:${sums.stdout.slice(0, 64)}`);
      assertEquals(warnings, []);

      const found = new Map<string, string>();
      for (const { path, node } of walk(decodeTree(memory?.tree ?? new Uint8Array()))) {
        if (node.type === "file" && node.digest !== null) found.set(path, toHex(node.digest));
        if (path === fromText("hole/alone") && format !== "ustar") {
          assert(node.type === "file");
          assertEquals([node.size, node.locator?.extents], [1_000_000, []]);
        }
        if (path === fromText("sparse")) {
          assert(node.type === "file");
          assertEquals(node.size, 3_000_000);
          assertEquals((node.locator?.extents.length ?? 0) > 1, format !== "ustar");
        }
      }
      const lines = await run([
        "sh",
        "-c",
        `cd ${dir} && find . -type f -size +0 | xargs sha256sum`,
      ]);
      const expected = new Map(
        lines.stdout.trim().split("\n").map((line) => [line.slice(68), line.slice(0, 64)]),
      );
      assertEquals(found.size, 6);
      assertEquals([...found].sort(), [...expected].sort());
    },
  });
}
