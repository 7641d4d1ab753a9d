/**
 * Layers that containerd 1.7 asks for one by one: with siblings that are begun meanwhile, and without; and layers that the
 * store holds already. Apply is called as containerd calls it, over the socket, and the bytes are in the real containerd.
 *
 * Root is needed. Each run has new daemons and a new store; runs take turns.
 */
// deno-lint-ignore-file no-console
import { createGrpcClient } from "../../lib/containerd/grpc/grpc_client.ts";
import { Diff } from "../../lib/containerd/proto/generated/diff_pb.ts";
import { Snapshots } from "../../lib/containerd/proto/generated/snapshots_pb.ts";
import { archiveTar, buildImage, type BuiltImage, ociFiles } from "../support/images/images.ts";
import { cpuTimeOf } from "../support/machine/cpu_time.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { serveContainerdIn } from "../support/peers/served_containerd.ts";
import { prng } from "../support/prng.ts";
import { Control } from "./control.ts";
import { figure, timingOf } from "./harness.ts";

const RUNS = Number(Deno.env.get("VARVE_BENCH_RUNS") ?? 3);
const MIB = 2 ** 20, LAYERS = 8;
/** Sizes of layers in MiB, and the largest part of the time without siblings. */
const CASES = [{ size: 3, atMost: 0.65 }, { size: 30, atMost: 0.9 }];
const MEDIA_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip";
const control = new Control();

/** An image whose layers are half noise, as real ones compress. */
function imageOf(size: number): BuiltImage {
  const layers = Array.from({ length: LAYERS }, (_, i) => {
    const random = prng(i + 1);
    return Array.from({ length: size }, (_, k) => {
      const content = random.bytes(MIB);
      content.fill(0, MIB / 2);
      return { name: `file-${i}-${k}`, content };
    });
  });
  return buildImage({ name: "example.org/layers:1", layers, packing: "gzip" });
}

/** What all layers in turn took, and each once more, in milliseconds. */
interface Applied {
  readonly time: number;
  /** CPU time of varve and containerd meanwhile. No number of threads makes it faster than its part for each core. */
  readonly cpu: number;
  readonly known: readonly number[];
}

/** Applies all layers in turn, and each once more; with new daemons. */
async function apply(image: BuiltImage, siblings: boolean): Promise<Applied> {
  await using temp = await tempDir("varve-bench-", "/var/tmp");
  await using served = await serveContainerdIn(temp.path);
  using client = await createGrpcClient(temp.join("varve.sock"));
  const archive = temp.join("image.tar");
  await Deno.writeFile(archive, archiveTar(ociFiles([image])));
  await served.text(["image", "import", "--no-unpack", archive]);
  // Else containerd removes what no label names any more.
  for (const { descriptor } of image.layers) {
    await served.text(["content", "label", descriptor.digest, "containerd.io/gc.root=kept"]);
  }
  if (!siblings) {
    const labels = image.layers.map((_, i) => `containerd.io/gc.ref.content.l.${i}=`);
    await served.text(["content", "label", image.descriptor.digest, ...labels]);
  }
  const namespace = served.ctr.at(-1);
  const one = async (key: string, { digest, size }: BuiltImage["layers"][number]["descriptor"]) => {
    const { mounts } = await client.unary(Snapshots.method.prepare, { key });
    const diff = { mediaType: MEDIA_TYPE, digest, size: BigInt(size) };
    const start = performance.now();
    await client.unary(Diff.method.apply, { diff, mounts });
    return performance.now() - start;
  };
  control.take();
  const cpuTime = async () => await cpuTimeOf(served.pid) + await cpuTimeOf(served.containerd.pid);
  const before = await cpuTime(), start = performance.now();
  for (const [i, { descriptor, chainId }] of image.layers.entries()) {
    await one(`${namespace}/${i}/extract-${i}-a ${chainId}`, descriptor);
  }
  const time = performance.now() - start, cpu = await cpuTime() - before;
  const known: number[] = [];
  for (const [i, { descriptor, chainId }] of image.layers.entries()) {
    known.push(await one(`${namespace}/${10 + i}/extract-${i}-b ${chainId}`, descriptor));
  }
  return { time, cpu, known };
}

const known: number[] = [];
for (const { size, atMost } of CASES) {
  const image = imageOf(size);
  const times: [number[], number[]] = [[], []], cpus: [number[], number[]] = [[], []];
  for (let i = 0; i < RUNS; i++) {
    for (const [side, siblings] of [true, false].entries()) {
      const { time, cpu, known: again } = await apply(image, siblings);
      console.error(
        `${size} MiB, ${siblings ? "with" : "without"} siblings: ${
          Math.round(time)
        } ms, CPU ${cpu} ms`,
      );
      times[side as 0 | 1].push(time);
      cpus[side as 0 | 1].push(cpu);
      known.push(...again);
    }
  }
  const [by, without] = times.map((all) => timingOf(all).least) as [number, number];
  figure(`${LAYERS} layers of ${size} MiB, without siblings`, without, "ms");
  figure(`${LAYERS} layers of ${size} MiB, with siblings`, by, "ms");
  figure("  by the time without", by / without, "times", { atMost });
  const [cpuBy, cpuWithout] = cpus.map((all) => timingOf(all).least) as [number, number];
  figure("  CPU without siblings", cpuWithout, "ms");
  figure("  CPU with siblings", cpuBy, "ms");
  const floor = cpuBy / navigator.hardwareConcurrency / without;
  figure(`  least that ${navigator.hardwareConcurrency} cores allow`, floor, "times");
}
figure("a layer that the store holds, median", timingOf(known).median, "ms", { atMost: 10 });
await control.report();
