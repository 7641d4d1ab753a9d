/**
 * What an input of at most 1 MiB may cost: in no verb more than 10 s of CPU, nor more memory than 256 MiB and 200
 * bytes for each entry. Each input is the largest of its kind that is not refused, or is refused.
 */
import { assert } from "@std/assert";
import { gzipSync } from "node:zlib";
import { joinBytes } from "../../lib/bytes/mod.ts";
import { Cli } from "../support/cli/cli.ts";
import { archiveTar, buildImage, type ImageSpec, ociFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { prng } from "../support/prng.ts";
import { concat, gnuLong, header, pax } from "../support/tar/raw_blocks.ts";

const MIB = 1024 * 1024;
/** CPU time of one verb in seconds. The kernel ends a process that takes more. */
const MAX_CPU = 10;
/** Exit code of an input that exceeds a limit. */
const LIMIT = 8;
const NAME = "example.org/app:1";

/** An input: its image, and how many entries it has at most. */
interface Input {
  readonly what: string;
  readonly entries: number;
  image(): Pick<ImageSpec, "layers" | "config">;
}

const END = new Uint8Array(1024);
const below = "/a".repeat(3998);
const each = (count: number, make: (i: number) => readonly Uint8Array[]): Uint8Array<ArrayBuffer> =>
  joinBytes([...Array.from({ length: count }, (_, i) => make(i)).flat(), END]);

/** An entry whose content does not compress. `size` is a multiple of 512. */
function noise(size: number): Uint8Array<ArrayBuffer> {
  const random = prng(1);
  const content = Uint8Array.from({ length: size }, () => random.int(0, 256));
  return joinBytes([header({ name: "noise", size }), content]);
}

const INPUTS: readonly Input[] = [
  {
    what: "K12: 60,000 files",
    entries: 60_000,
    image: () => ({ layers: [each(60_000, (i) => [header({ name: `d/${i}` })])] }),
  },
  ...[60, 220].map((names) => ({
    what: `K13: ${names} names of 200 directories each`,
    entries: names * 201,
    image: () => ({
      layers: [
        each(names, (i) => [gnuLong("L", `${i}${"/a".repeat(199)}/f`), header({ name: "f" })]),
      ],
    }),
  })),
  {
    what: "K21: 110,000 files and 900 KB that do not compress",
    entries: 110_000,
    image: () => ({
      layers: [
        joinBytes([noise(1778 * 512), each(110_000, (i) => [header({ name: `d/${i}` })])]),
      ],
    }),
  },
  {
    what: "K22: a config of 49,000 objects with a fraction",
    entries: 0,
    image: () => ({
      layers: [],
      config: { steps: Array.from({ length: 49_000 }, () => ({ a: 1.5 })) },
    }),
  },
  {
    what: "K23: a config of 1,300,000 empty objects",
    entries: 0,
    image: () => ({
      layers: [],
      config: { steps: Array.from({ length: 1_300_000 }, () => ({})) },
    }),
  },
  {
    what: "K14: long names in two deep directories by turns",
    entries: 40_000,
    image: () => ({
      layers: [
        each(32_000, (i) => [gnuLong("L", `${i % 2}${below}/${i}`), header({ name: "f" })]),
      ],
    }),
  },
  {
    what: "K15: PAX headers of 1 MiB",
    entries: 1000,
    image: () => {
      const large = pax([["comment", "x".repeat(MIB - 20)]]);
      return { layers: [each(250, (i) => [large, header({ name: `f${i}` })])] };
    },
  },
  {
    what: "K16: a file of 900 MiB of zeros",
    entries: 1,
    image: () => {
      const size = 900 * MIB;
      return { layers: [concat(header({ name: "zeros", size }), new Uint8Array(size), END)] };
    },
  },
  {
    what: "K17: extended attributes of 60 MiB",
    entries: 60,
    image: () => {
      const values = Array.from(
        { length: 15 },
        (_, i) => [`SCHILY.xattr.user.${i}`, "v".repeat(65_000)] as [string, string],
      );
      return { layers: [each(60, (i) => [pax(values), header({ name: `f${i}` })])] };
    },
  },
  {
    what: "K18: 40,000 links through chains of symbolic links",
    entries: 41_000,
    image: () => {
      const chain = Array.from(
        { length: 39 },
        (_, i) => header({ name: `l${i}`, type: "2", linkname: i === 0 ? "d" : `l${i - 1}` }),
      );
      return {
        layers: [
          concat(
            header({ name: "d/", type: "5" }),
            ...chain,
            each(40_000, (i) => [header({ name: `l${i % 39}/${i}` })]),
          ),
        ],
      };
    },
  },
  {
    what: "K19: 50,000 whiteouts over 50,000 files",
    entries: 100_000,
    image: () => ({
      layers: [
        each(50_000, (i) => [header({ name: `d/${i}` })]),
        each(50_000, (i) => [header({ name: `d/.wh.${i}` })]),
      ],
    }),
  },
  {
    what: "K20: a history of 33,000 entries",
    entries: 0,
    image: () => ({
      layers: [],
      config: {
        history: Array.from({ length: 33_000 }, () => ({ created_by: "x", empty_layer: true })),
      },
    }),
  },
];

/** What is asked of each image: all verbs that read one. `load` comes first, `rmi` last. */
const VERBS: readonly (readonly string[])[] = [
  ["images"],
  ["inspect", NAME],
  ["history", NAME],
  ["layers", NAME],
  ["ls", NAME],
  ["stat", `${NAME}:/`],
  ["cat", `${NAME}:/`],
  ["tree", NAME],
  ["diff", NAME, NAME],
  ["save", NAME, "-o", "OUT.saved.tar"],
  ["unpack", NAME, "OUT"],
  ["export", NAME, "-o", "OUT.tar"],
  ["verify", NAME],
  ["fsck", "--deep"],
  ["df"],
  ["why", NAME],
  ["gc"],
];

/** What is asked of each image with layers. */
const LAYER_VERBS: readonly (readonly string[])[] = [
  ["squash", NAME, "example.org/squashed:1"],
  ["snapshot", "prepare", "key", NAME],
  ["snapshot", "usage", "key"],
  ["export", "key", "-o", "OUT.key.tar"],
  ["commit", "key", "example.org/committed:1"],
];

for (const { what, entries, image } of INPUTS) {
  Deno.test({
    name: `${what}: no verb takes more than its budget`,
    ...needs({ root: true, mount: true, tools: ["prlimit", "mount"] }),
    fn: async (t) => {
      await using temp = await tempDir();
      // What verbs make is in memory: on a disk, the work of its file system would be measured, too. An ext4 without a
      // journal looks at every inode that was freed in the last minutes before it creates a file.
      const made = temp.join("made");
      await Deno.mkdir(made);
      await run(["mount", "-t", "tmpfs", "-o", "size=1g", "varve-test", made]);
      const cli = new Cli(temp.join("store"));
      const spec = image();
      const archive = archiveTar(ociFiles([buildImage({ name: NAME, ...spec })]));
      const packed = new Uint8Array(gzipSync(archive, { level: 9 }));
      assert(packed.length <= MIB, `${packed.length} bytes`);
      await Deno.writeFile(temp.join("in.tar.gz"), packed);
      const budget = 256 * MIB + 200 * entries;
      let isRefused = false;
      const ask = (args: readonly string[]) =>
        t.step(args[0] as string, async () => {
          const { code, cpu, memory, signal } = await measure(cli, args);
          assert(signal !== "SIGXCPU" && signal !== "SIGKILL", `${args[0]}: ${cpu} s of CPU`);
          assert(code === 0 || code === LIMIT && args[0] === "load", `${args[0]}: exit ${code}`);
          if (code === LIMIT) isRefused = true;
          assert(cpu <= MAX_CPU, `${args[0]}: ${cpu} s of CPU`);
          assert(memory <= budget, `${args[0]}: ${memory / MIB} MiB, more than ${budget / MIB}`);
        });
      await ask(["load", temp.join("in.tar.gz")]);
      const verbs = spec.layers.length === 0 ? VERBS : [...VERBS, ...LAYER_VERBS];
      for (const args of isRefused ? [] : [...verbs, ["rmi", NAME]]) {
        await ask(args.map((arg) => arg.startsWith("OUT") ? `${made}/${arg}` : arg));
      }
    },
  });
}

/** Runs a verb under the limit; its CPU time in seconds, and its largest resident memory in bytes. */
async function measure(
  cli: Cli,
  args: readonly string[],
): Promise<{ code: number; cpu: number; memory: number; signal: string | null }> {
  const child = new Deno.Command("prlimit", {
    args: [`--cpu=${MAX_CPU + 1}`, ...cli.command(args)],
    env: cli.env,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let [cpu, memory, isThere] = [0, 0, true];
  const ended = child.status.finally(() => isThere = false);
  while (isThere) {
    try {
      const stat = await Deno.readTextFile(`/proc/${child.pid}/stat`);
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      cpu = Math.max(cpu, (Number(fields[11]) + Number(fields[12])) / 100);
      const status = await Deno.readTextFile(`/proc/${child.pid}/status`);
      const peak = /^VmHWM:\s+([0-9]+) kB$/m.exec(status)?.[1];
      if (peak !== undefined) memory = Math.max(memory, Number(peak) * 1024);
    } catch {
      // It has just ended.
    }
    await new Promise((go) => setTimeout(go, 10));
  }
  const { code, signal } = await ended;
  return { code, cpu, memory, signal };
}
