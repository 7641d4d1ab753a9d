/** Runs random commands on one store, and looks after each what lies on the disk: nothing but roots, bounds and trash. */
import { createHash } from "node:crypto";
import { runCommand } from "../support/cli/in_process.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { mountsBelow } from "../support/machine/census.ts";
import { missing } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { type Prng, prng } from "../support/prng.ts";
import { tarOf } from "../support/tar/tar_fixture.ts";
import { findingsOf, lookAt, type Roots } from "./bounds_disk.ts";

/** What is tried. */
export interface BoundsOptions {
  /** Number of commands. */
  readonly commands: number;
  readonly seed: number;
}

/** What came of it. */
export interface BoundsResult {
  /** Broken promises, a line each. */
  readonly findings: readonly string[];
  /** How many commands ran, by their verbs. */
  readonly done: Readonly<Record<string, number>>;
  /** Most bytes that the store ever had. */
  readonly most: number;
}

/** Bytes that the settings allow for caches and for parts of downloads. */
const BOUNDS = { caches: 65_536, parts: 32_768 };

const IMAGES = 5;

/** Exit codes of commands that do nothing: something is not there, is there already, or is in use. */
const NOTHING_DONE = [0, 4, 5, 6];

/** Exit code of a mount of a snapshot by another driver than made it. */
const OTHER_DRIVER = 9;

/** Exit code of a command whose input is damaged. */
const BAD_DATA = 7;

const name = (image: number | string) => `example.org/image-${image}:1`;

class Player {
  readonly findings: string[] = [];
  readonly done: Record<string, number> = {};
  readonly #random: Prng;
  readonly #dir: string;
  readonly #mounts: boolean;
  /** Whether a command was told to leave garbage, and none has removed it since. */
  #isDirty = false;
  /** Layers of each chain that was ever there. */
  readonly #chains = new Map<string, readonly string[]>();
  #turn = 0;
  most = 0;

  constructor(dir: string, seed: number, mounts: boolean) {
    this.#dir = dir;
    this.#mounts = mounts;
    this.#random = prng(seed);
  }

  async play(commands: number): Promise<void> {
    await this.#run(["config", "set", "cache.size", String(BOUNDS.caches)]);
    await this.#run(["config", "set", "cache.parts", String(BOUNDS.parts)]);
    while (this.#turn < commands) {
      const words = await this.#choose();
      const more = words.includes("--driver") && words.includes("--rw") ? [OTHER_DRIVER] : [];
      const allowed = [...NOTHING_DONE, ...more];
      await this.#run(words, words[1]?.endsWith("cut.tar") ? [BAD_DATA] : allowed);
      if (words[0] === "gc") this.#isDirty = false;
      // What only a lease kept is left to the next gc.
      if (words.includes("--no-gc") || words.join(" ").startsWith("lease rm")) this.#isDirty = true;
      await this.#look(words);
    }
    await this.#run(["fsck", "--deep"], [0]);
  }

  /** The words of the next command. */
  async #choose(): Promise<string[]> {
    const { int, pick, chance } = this.#random;
    const dir = this.#dir;
    const image = name(int(0, IMAGES));
    const other = name(pick(["tag", "commit", "import", "append", "squash"]));
    const any = pick([image, image, other]);
    const key = `key-${int(0, 4)}`, target = `${dir}/mnt`;
    if ((await mountsBelow(dir)).includes(target) && chance(0.7)) return ["umount", target];
    const leave = chance(0.1) ? ["--no-gc"] : [];
    const driver = pick(["erofs", "overlay", "native"]);
    const choices: [number, () => string[]][] = [
      [6, () => ["load", `${dir}/image-${int(0, IMAGES)}.tar`]],
      [1, () => ["load", `${dir}/cut.tar`]],
      [2, () => ["tag", any, name("tag")]],
      [6, () => ["rmi", ...leave, any]],
      [1, () => ["import", `${dir}/root`, name("import")]],
      [2, () => ["append", any, `${dir}/layer.tar`, name("append")]],
      [1, () => ["squash", any, name("squash")]],
      [1, () => ["save", any, "-o", `${dir}/save.tar`]],
      [1, () => ["lease", "create", "--id", `lease-${int(0, 2)}`, any]],
      [1, () => ["lease", "rm", `lease-${int(0, 2)}`]],
      [2, () => ["gc"]],
      [1, () => ["prune", pick(["images", "containers", "caches", "all"]), "--force"]],
      [1, () => ["cat", `${any}:/shared`]],
    ];
    const mounting: [number, () => string[]][] = [
      [4, () => ["mount", "--driver", driver, any, target]],
      [3, () => ["mount", "--driver", driver, any, target, "--rw", key]],
      [2, () => ["snapshot", "prepare", key, any]],
      [3, () => ["snapshot", "rm", ...leave, key]],
      [1, () => ["snapshot", "commit", `kept-${int(0, 2)}`, key]],
      [1, () => ["snapshot", "rm", `kept-${int(0, 2)}`]],
      [2, () => ["commit", key, name("commit")]],
    ];
    const all = [...choices, ...this.#mounts ? mounting : []];
    return pick(all.flatMap(([weight, make]) => Array.from({ length: weight }, () => make)))();
  }

  async #look(words: readonly string[]): Promise<void> {
    const root = `${this.#dir}/store`;
    const disk = await lookAt(root);
    this.most = Math.max(this.most, disk.all);
    if (this.#isDirty) return;
    const isMounted = (await mountsBelow(this.#dir)).length > 0;
    const isStrict = words[0] === "gc" && !isMounted;
    const found = findingsOf(disk, await this.#roots(), { ...BOUNDS, isStrict });
    this.findings.push(...found.map((line) => `after ${this.#turn}, ${words.join(" ")}: ${line}`));
  }

  /** What has to be there, by plain rules over what the commands list. */
  async #roots(): Promise<Roots> {
    const images = await this.#list<{ manifest: string }>("images");
    const snapshots = await this.#list<Snapshot>("snapshot", "ls");
    const leases = await this.#list<{ resources: string[] }>("lease", "ls");
    const blobs = new Set<string>(), layers = new Set<string>(), chains = new Set<string>();
    const keepChain = (diffIds: readonly string[]) => {
      for (const [at, diffId] of diffIds.entries()) {
        layers.add(diffId);
        chains.add(chainOf(diffIds.slice(0, at + 1)));
      }
    };
    const manifests = [
      ...images.map(({ manifest }) => manifest),
      ...snapshots.map(({ labels }) => labels["varve.image.manifest"]),
      ...leases.flatMap(({ resources }) => resources)
        .filter((text) => text.startsWith("blob:")).map((text) => text.slice("blob:".length)),
    ];
    for (const manifest of manifests) {
      if (manifest === undefined || blobs.has(manifest)) continue;
      const parts = await this.#document<Manifest>(manifest);
      if (parts?.config === undefined) continue;
      for (const { digest } of [parts.config, ...parts.layers]) blobs.add(digest);
      blobs.add(manifest);
      const config = await this.#document<Config>(parts.config.digest);
      const diffIds = config?.rootfs.diff_ids ?? [];
      for (let n = 1; n <= diffIds.length; n++) {
        this.#chains.set(chainOf(diffIds.slice(0, n)), diffIds.slice(0, n));
      }
      keepChain(diffIds);
    }
    const byKey = new Map(snapshots.map((row) => [row.key, row]));
    // A committed snapshot that has the name of its chain is a cache: it stays while something needs the chain.
    for (const row of snapshots.filter(({ key }) => !this.#chains.has(key))) {
      for (let at: Snapshot | undefined = row; at; at = byKey.get(at.parent ?? "")) {
        if (at.diffId !== null) layers.add(at.diffId);
        keepChain(this.#chains.get(at.key) ?? []);
      }
    }
    const directories = snapshots.filter(({ cacheId }) => cacheId !== null).length;
    return { blobs, layers: layers.size, chains: chains.size, snapshots: directories };
  }

  async #list<T>(...words: string[]): Promise<T[]> {
    return JSON.parse(await this.#quietly([...words, "--format", "json"]));
  }

  async #document<T>(digest: string): Promise<T | undefined> {
    const path = `${this.#dir}/store/content/blobs/${digest.replace(":", "/")}`;
    const text = await Deno.readTextFile(path).catch(() => undefined);
    return text === undefined ? undefined : JSON.parse(text);
  }

  async #quietly(words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#command(words);
    if (code !== 0) this.findings.push(`${words.join(" ")}: exit ${code}: ${stderr}`);
    return stdout;
  }

  async #run(words: readonly string[], allowed: readonly number[] = [0]): Promise<void> {
    this.#turn++;
    const verb = words[0] as string;
    this.done[verb] = (this.done[verb] ?? 0) + 1;
    const { code, stderr } = await this.#command(words);
    if (!allowed.includes(code)) {
      this.findings.push(`${words.join(" ")}: exit ${code}: ${stderr.trim()}`);
    }
  }

  #command(words: readonly string[]) {
    const env = {
      VARVE_ROOT: `${this.#dir}/store`,
      VARVE_WORKERS: "1",
      VARVE_DURABILITY: "none",
    };
    return runCommand(words, { env, isRoot: true });
  }
}

interface Manifest {
  readonly config?: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}

interface Config {
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

interface Snapshot {
  readonly key: string;
  readonly parent: string | null;
  readonly diffId: string | null;
  readonly cacheId: number | null;
  readonly labels: Readonly<Record<string, string>>;
}

function chainOf(diffIds: readonly string[]): string {
  return diffIds.reduce((below, diffId) =>
    `sha256:${createHash("sha256").update(`${below} ${diffId}`).digest("hex")}`
  );
}

/** Plays random commands, and gives what was ever beyond roots, bounds and trash. */
export async function playBounds({ commands, seed }: BoundsOptions): Promise<BoundsResult> {
  await using temp = await tempDir("varve-bounds-");
  const dir = temp.path;
  for (const made of ["mnt", "root"]) await Deno.mkdir(`${dir}/${made}`);
  await Deno.writeTextFile(`${dir}/root/file`, "file".repeat(5000));
  await Deno.writeFile(`${dir}/layer.tar`, tarOf([{ name: "appended", content: "appended" }]));
  for (let image = 0; image < IMAGES; image++) {
    const texts = ["shared", `pair-${image >> 1}`, `own-${image}`];
    const layers = texts.map((text) => [
      { name: text.split("-")[0] as string, content: text.repeat(4000) },
    ]);
    const packing = image % 2 === 0 ? "gzip" : "none";
    const tar = archiveTar(ociFiles([buildImage({ name: name(image), packing, layers })]));
    await Deno.writeFile(`${dir}/image-${image}.tar`, tar);
    if (image === 1) await Deno.writeFile(`${dir}/cut.tar`, tar.subarray(0, tar.length / 2));
  }
  const player = new Player(dir, seed, missing({ root: true, mount: true }).length === 0);
  try {
    await player.play(commands);
  } finally {
    const env = { VARVE_ROOT: `${dir}/store` };
    await runCommand(["umount", "--all"], { env, isRoot: true });
  }
  return player;
}
