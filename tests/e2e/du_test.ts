/** `varve du` beside du(1) over the mounted image. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import { DAILY, dailyImage } from "../support/cli/mounted_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";

Deno.test({
  name: "du gives the sizes and paths of du --apparent-size over the mounted image",
  ...needs({ root: true, mount: true, tools: ["du"] }),
  async fn() {
    await using daily = await dailyImage();
    const varve = commandOn(daily.temp.join("store"));
    for (const start of ["/", "/data", "/bin", "/etc/passwd", "/home/link"]) {
      for (const flags of [[], ["-s"], ["-a"], ["-d", "1"], ["-a", "-d", "2"], ["-h"], ["-sh"]]) {
        const path = start === "/" ? daily.mounted : `${daily.mounted}${start}`;
        const unit = flags.some((flag) => flag.includes("h")) ? [] : ["-B1"];
        const { stdout } = await run(["du", "--apparent-size", ...unit, ...flags, path]);
        const lines = (text: string) =>
          // Either name of an inode may come first.
          text.trimEnd().split("\n").map((line) => line.replace("/bin/same", "/bin/tool")).sort();
        const wanted = lines(
          stdout.replaceAll(daily.mounted, "").replace(/\t$/gm, "\t/"),
        );
        const own = await varve(["du", ...flags, `${DAILY}:${start}`]);
        assertEquals([own.code, lines(own.stdout)], [0, wanted], `${flags} ${start}`);
      }
    }
  },
});

Deno.test("du counts hard links once, and what each layer contributes", async () => {
  await using daily = await dailyImage({ mount: false });
  const { cli } = daily;
  const [root] = await cli.json(["du", "-s", DAILY]);
  const layers = await cli.json(["du", "--by-layer", DAILY]);
  assertEquals(
    layers.map(({ layer }: { layer: string }) => layer),
    (await cli.json(["layers", DAILY])).map(({ diffId }: { diffId: string }) => diffId),
  );
  const sum = layers.reduce((sum: number, { bytes }: { bytes: number }) => sum + bytes, 0);
  assertEquals([root.path, root.bytes], ["/", sum]);
  assertEquals(layers[1].bytes, "new notes\nand more\n".length + "localhost\n".length);
  const text = await cli.text(["du", "--by-layer", `${DAILY}:/home`]);
  assertStringIncludes(text, "LAYER");
  assertEquals((await cli.any(["du", "-s", "-d", "1", DAILY])).code, 2);
  assertEquals((await cli.any(["du", "-d", "x", DAILY])).code, 2);
  const bin = await cli.json(["du", "-a", `${DAILY}:/bin`]);
  assertEquals(bin.map(({ path }: { path: string }) => path), [
    "/bin/group",
    "/bin/same",
    "/bin/sh",
    "/bin",
  ]);
});

Deno.test("tree shows the sizes of du", async () => {
  await using daily = await dailyImage({ mount: false });
  const varve = commandOn(daily.temp.join("store"));
  const du = JSON.parse((await varve(["du", "--format", "json", `${DAILY}:/data`])).stdout);
  const tree = JSON.parse(
    (await varve(["tree", "-s", "--format", "json", `${DAILY}:/data`])).stdout,
  );
  const sizes = new Map(
    du.map(({ path, bytes }: { path: string; bytes: number }) => [path, bytes]),
  );
  for (const { path, type, bytes, size } of tree.entries) {
    assertEquals(bytes, type === "directory" ? sizes.get(path) : size, path);
  }
  const lines = (await varve(["tree", "-h", "-L", "1", `${DAILY}:/data`])).stdout.split("\n");
  assertEquals(lines.slice(1, 4), ["  binary  7", "  deep/  313K", "  two words  21"]);
  assertStringIncludes(lines[0] as string, "/data/  313K  sha256:");
});
