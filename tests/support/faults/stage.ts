/** Plays a scenario again and again, undisturbed and disturbed. */
import { openStore } from "../../../lib/store/mod.ts";
import { judgeIdle, judgeStore } from "../../conformance/store_judge.ts";
import { MAIN } from "../cli/cli.ts";
import { type CommandResult, runCommand } from "../cli/in_process.ts";
import { mountsBelow } from "../machine/census.ts";
import { run } from "../machine/process.ts";
import { type TempDir, tempDir } from "../machine/temp_dir.ts";
import { imageAnswer, Servers } from "../registry/hostile_registry.ts";
import type { Scenario, Scene, Step } from "./scenario.ts";
import { smallImage } from "./scenarios.ts";
import { factsOf, pathsBelow } from "./store_facts.ts";
import type { Call, Fault, Supervised, Supervisor } from "./supervisor.ts";

/** Variables of every command: nothing in it may depend on the time or on the number of cores. */
const VARIABLES = { SOURCE_DATE_EPOCH: "1700000000", VARVE_WORKERS: "1" };

/** What an undisturbed command does. */
export interface Undisturbed {
  readonly calls: readonly Call[];
  readonly facts: readonly string[];
}

/** A scenario that is ready to be played. */
export class Stage implements AsyncDisposable {
  readonly scenario: Scenario;
  readonly #supervisor: Supervisor;
  readonly #temp: TempDir;
  readonly #servers: Servers;
  readonly #registry: string;
  readonly scene: Scene;

  private constructor(scenario: Scenario, supervisor: Supervisor, temp: TempDir) {
    this.scenario = scenario;
    this.#supervisor = supervisor;
    this.#temp = temp;
    this.#servers = new Servers();
    this.#registry = new URL(this.#servers.start(imageAnswer(smallImage()))).host;
    const path = temp.join("scene");
    const root = `${path}/store`;
    this.scene = { path, root, command: (words) => this.#inProcess(words) };
  }

  /** Makes what the scenario finds. @param dir where it plays: a directory on the disk that is to be used */
  static async open(scenario: Scenario, supervisor: Supervisor, dir?: string): Promise<Stage> {
    const stage = new Stage(scenario, supervisor, await tempDir("varve-stage-", dir));
    try {
      await Deno.mkdir(stage.scene.path);
      await stage.#do(scenario.base);
      await Deno.rename(stage.scene.path, stage.#temp.join("base"));
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
    return stage;
  }

  /** Brings the scene into the state that the command finds. */
  async reset(): Promise<void> {
    await this.clear();
    await run(["cp", "-a", this.#temp.join("base"), this.scene.path]);
    await this.#do(this.scenario.before ?? []);
  }

  /** Unmounts and removes all. */
  async clear(): Promise<void> {
    for (const target of (await mountsBelow(this.scene.path)).reverse()) {
      await run(["umount", "-l", target]);
    }
    await Deno.remove(this.scene.path, { recursive: true }).catch(() => {});
  }

  /** Runs the command in a process tree of its own. */
  async run(
    fault?: Fault,
    everything?: boolean,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Supervised> {
    const { path } = this.scene;
    return await this.#supervisor.run(this.processOf(["--quiet", ...this.scenario.command]), {
      below: [path],
      fault,
      everything,
      env: { ...VARIABLES, VARVE_ROOT: this.scene.root, NO_COLOR: "1", ...env },
    });
  }

  /** Runs the command as a user repeats it. */
  async again(): Promise<CommandResult> {
    const { command } = this.scenario;
    // A container needs the streams of a process.
    if (command[0] === "run") return await this.run();
    return await this.#inProcess(command);
  }

  /** What the scene holds at the end. */
  async facts(): Promise<string[]> {
    await this.#do(this.scenario.settle ?? []);
    return await factsOf(this.scene.path, this.scene.root);
  }

  /** Plays the command once without a fault. */
  async undisturbed(everything?: boolean): Promise<Undisturbed> {
    await this.reset();
    const { code, calls, stderr } = await this.run(undefined, everything);
    if (code !== 0) throw new Error(`Cannot play ${this.scenario.name}: exit ${code}: ${stderr}`);
    return { calls, facts: await this.facts() };
  }

  /** Opens the store as the next command does, which heals it, and judges it then. */
  async heal(): Promise<void> {
    const { root } = this.scene;
    await ageProbes(`${root}/mounts`);
    {
      await using store = await openStore({ root });
      await judgeStore(store);
    }
    await judgeIdle(root);
    const { code, stdout, stderr } = await this.#inProcess(["fsck", "--deep"]);
    if (code !== 0) throw new Error(`fsck --deep ends with ${code}: ${stdout}${stderr}`);
  }

  /** All paths of the scene. */
  async paths(): Promise<Set<string>> {
    return new Set([this.scene.path, ...await pathsBelow(this.scene.path)]);
  }

  /** A path without the directory of the scene. */
  short(path: string): string {
    return path.startsWith(`${this.scene.path}/`) ? path.slice(this.scene.path.length + 1) : path;
  }

  /** The command line of a process that runs words. */
  processOf(words: readonly string[]): string[] {
    return [Deno.execPath(), "run", "-A", "--no-check", MAIN, ...this.#filled(words)];
  }

  async #inProcess(words: readonly string[]): Promise<CommandResult> {
    const env = { ...VARIABLES, VARVE_ROOT: this.scene.root };
    return await runCommand(this.#filled(words), { env, isRoot: true });
  }

  #filled(words: readonly string[]): string[] {
    return words.map((word) =>
      word.replace("SCENE", this.scene.path).replace("REGISTRY", this.#registry)
    );
  }

  async #do(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (typeof step === "function") {
        await step(this.scene);
        continue;
      }
      const { code, stderr } = await this.#inProcess(step);
      if (code !== 0) throw new Error(`Cannot prepare ${step.join(" ")}: exit ${code}: ${stderr}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clear();
    await this.#servers[Symbol.asyncDispose]();
    await this.#temp[Symbol.asyncDispose]();
  }
}

/** Makes the directories that a killed probe left look old: the next probe leaves young ones alone. */
async function ageProbes(mounts: string): Promise<void> {
  if (!await Deno.lstat(mounts).then(() => true, () => false)) return;
  for await (const { name } of Deno.readDir(mounts)) {
    if (name.startsWith("probe-")) await Deno.utime(`${mounts}/${name}`, 0, 0);
  }
}
