/**
 * A load with a mount beside the native floor: the same bytes inflated and hashed by native tools. Alternating pairs of
 * CPU seconds, `VARVE_BENCH_PAIRS` of them; wall time beside the floor's on two cores.
 */
import { tempDir } from "../support/machine/temp_dir.ts";
import { run, runAny } from "../support/machine/process.ts";
import { figure, timingOf } from "./harness.ts";
import { FLOOR_TOOLS, type FloorInflater, NativeFloor } from "./native_floor.ts";
import { type Usage, usageOf } from "./process_usage.ts";
import { figureRatio, ratioOf } from "./ratio.ts";
import { compileProgram } from "../support/compile/program.ts";
import { isHere, realImage } from "./real_images.ts";

const PAIRS = Number(Deno.env.get("VARVE_BENCH_PAIRS") ?? "30");

for (const tool of FLOOR_TOOLS) {
  if (!await isHere(tool)) throw new Error(`Cannot play the native floor: no ${tool}`);
}
await using temp = await tempDir("varve-bench-", "/var/tmp");
const image = await realImage();
const floor = await NativeFloor.of(image, temp.path);
const program = await compileProgram(temp.path);

/** A load with a mount, in an empty store. */
async function load(inflater: FloorInflater): Promise<Usage> {
  const at = temp.join(crypto.randomUUID());
  await Deno.mkdir(`${at}/mnt`, { recursive: true });
  const varve = program(`${at}/store`, {
    env: { VARVE_INFLATE: inflater, VARVE_DURABILITY: "none" },
  });
  const command = varve.command(["load", image.layout, "--mount", `${at}/mnt`]);
  const usage = await usageOf(command, { env: varve.env });
  await runAny(["sh", "-c", 'umount "$1/mnt"; umount "$1"/store/mounts/*', "sh", at]);
  await Deno.remove(at, { recursive: true });
  return usage;
}

for (const inflater of ["isal", "zlib"] as const) {
  const own: Usage[] = [], bare: Usage[] = [];
  for (let pair = -1; pair < PAIRS; pair++) {
    await run(["sync", "-f", temp.path]);
    const both = pair % 2 === 0
      ? [await load(inflater), await floor.run(inflater)] as const
      : [await floor.run(inflater), await load(inflater)].reverse() as [Usage, Usage];
    // The first pair warms up.
    if (pair < 0) continue;
    own.push(both[0]);
    bare.push(both[1]);
  }
  const cpu = (usages: readonly Usage[]) => usages.map((usage) => usage.cpu);
  const wall = (usages: readonly Usage[]) => usages.map((usage) => usage.wall);
  figure(`native floor, ${inflater}: CPU`, timingOf(cpu(bare)).median, "s");
  figure(`native floor, ${inflater}: wall on two cores`, timingOf(wall(bare)).median, "s");
  figure(`load --mount, ${inflater}: CPU`, timingOf(cpu(own)).median, "s");
  figure(`load --mount, ${inflater}: wall`, timingOf(wall(own)).median, "s");
  figureRatio(`${inflater}: CPU to the floor`, ratioOf(cpu(own), cpu(bare)), { atMost: 1.5 });
  figureRatio(`${inflater}: wall to the floor`, ratioOf(wall(own), wall(bare)), { atMost: 1.3 });
  const peak = Math.max(...own.map((usage) => usage.peak));
  figure(`load --mount, ${inflater}: peak memory`, peak, "MiB", { atMost: 220 });
}
