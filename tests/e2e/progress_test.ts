import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import {
  archiveTar,
  buildImage,
  dockerFiles,
  hybridFiles,
  ociFiles,
} from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

Deno.test("load: progress names layers by their diffIDs, whether they are new or here already", async () => {
  await using temp = await tempDir();
  const image = buildImage({
    name: "example.org/app:1",
    layers: [0, 1, 2].map((at) => [{ name: `file${at}`, content: `${at}`.repeat(5000) }]),
    packing: ["gzip", "zstd", "none"],
  });
  const diffIds = image.layers.map(({ diffId }) => diffId.slice(7, 19)).sort();
  for (const files of [ociFiles, dockerFiles, hybridFiles]) {
    const archive = temp.join(`${files.name}.tar`);
    const bytes = archiveTar(files([image]));
    await Deno.writeFile(archive, bytes);
    for (const source of [archive, "-"]) {
      const varve = commandOn(temp.join(`${files.name}${source === "-" ? "-stdin" : ""}`));
      for (const note of ["verified", "already here"]) {
        const { code, stderr } = await varve(["load", source], { stdin: bytes });
        assertEquals(code, 0, stderr);
        const lines = stderr.trimEnd().split("\n").sort();
        const names = lines.map((line) => line.slice(0, 12));
        assertEquals(names, diffIds, `${files.name} ${source} ${stderr}`);
        // In a stream, what a docker-archive names without a digest is verified again.
        const isSeen = source !== "-" || files !== dockerFiles || note === "verified";
        if (isSeen) { for (const line of lines) assertStringIncludes(line, note); }
      }
    }
  }
});

for (const driver of ["native", "overlay"] as const) {
  Deno.test({
    name: `${driver}: a mount shows which layers it extracts, once, and only large ones`,
    ...needs({ root: true, mount: true }),
    fn: async () => {
      await using temp = await tempDir();
      const varve = commandOn(temp.join("store"));
      const large = buildImage({
        name: "example.org/large:1",
        layers: [[{ name: "small", content: "small" }], [{
          name: "large",
          content: new Uint8Array(40_000_000),
        }]],
      });
      await Deno.writeFile(temp.join("large.tar"), archiveTar(ociFiles([large])));
      assertEquals((await varve(["load", temp.join("large.tar")])).code, 0);
      await Deno.mkdir(temp.join("mnt"));
      for (const expected of [/^(2 layers|[0-9a-f]{12}) {2}extracted, 40\.0 MB\n$/, /^$/]) {
        const args = ["mount", "example.org/large:1", temp.join("mnt"), "--driver", driver];
        const { code, stderr } = await varve(args);
        assertEquals(code, 0, stderr);
        assertMatch(stderr, expected);
        assertEquals((await varve(["umount", temp.join("mnt")])).code, 0);
      }
    },
  });
}
