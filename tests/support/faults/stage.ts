/** Plays a scenario again and again, undisturbed and disturbed. */
import { openStore } from "../../../lib/store/mod.ts";
import { judgeIdle, judgeStore } from "../../conformance/store_judge.ts";
import { PROGRAM } from "../cli/cli.ts";
import { type CommandResult, runCommand } from "../cli/in_process.ts";
import { mountsBelow } from "../machine/census.ts";
import { run, runAny } from "../machine/process.ts";
import { type TempDir, tempDir } from "../machine/temp_dir.ts";
import { imageAnswer, Servers } from "../registry/hostile_registry.ts";
import type { Scenario, Scene, Step } from "./scenario.ts";
import { smallImage } from "./scenarios.ts";
import { factsOf, lacksParts, pathsBelow } from "./store_facts.ts";
import type { Call, Fault, Supervised, Supervisor } from "./supervisor.ts";

/** Variables of every command: nothing in it may depend on the time or on the number of cores. */
const VARIABLES = { SOURCE_DATE_EPOCH: "1700000000", VARVE_WORKERS: "1" };

/** Milliseconds after which a command counts as one that does not end. */
const LIMIT = 120_000;

/** The beginning of no image ID. */
const NO_ID = "0".repeat(32);

/** What an undisturbed command does. */
export interface Undisturbed {
  readonly calls: readonly Call[];
  readonly facts: readonly string[];
}

/** Options of {@linkcode Stage.open}. */
export interface StageOptions {
  /** Where the scenario plays: a directory on the disk that is to be used. */
  readonly dir?: string | undefined;
  /** The command line that runs the program, up to the verb. */
  readonly program?: readonly string[] | undefined;
}

function isContainer([verb]: readonly string[]): boolean {
  return verb === "run" || verb === "start";
}

/** Opens a store, which heals it, and judges it. */
async function judgeOpened(root: string): Promise<void> {
  await using store = await openStore({ root });
  await judgeStore(store);
}

/** A scenario that is ready to be played. */
export class Stage implements AsyncDisposable {
  readonly scenario: Scenario;
  readonly #supervisor: Supervisor;
  readonly #temp: TempDir;
  readonly #program: readonly string[];
  readonly #servers: Servers;
  readonly #registry: string;
  readonly scene: Scene;
  /** The damage that the command finds. */
  #known: ReadonlySet<string> = new Set();

  private constructor(
    scenario: Scenario,
    supervisor: Supervisor,
    temp: TempDir,
    program: readonly string[],
  ) {
    this.#program = program;
    this.scenario = scenario;
    this.#supervisor = supervisor;
    this.#temp = temp;
    this.#servers = new Servers();
    this.#registry = new URL(this.#servers.start(imageAnswer(smallImage()))).host;
    const path = temp.join("scene");
    const root = `${path}/store`;
    this.scene = { path, root, command: (words) => this.#inProcess(words) };
  }

  /** Makes what the scenario finds. */
  static async open(
    scenario: Scenario,
    supervisor: Supervisor,
    { dir, program = PROGRAM }: StageOptions = {},
  ): Promise<Stage> {
    const temp = await tempDir("varve-stage-", dir);
    const stage = new Stage(scenario, supervisor, temp, program);
    try {
      await Deno.mkdir(stage.scene.path);
      await stage.#do(scenario.base);
      if (scenario.store === "damaged") {
        stage.#known = new Set((await stage.#damage()).map(({ thing }) => thing));
      }
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
      env: { ...this.#env, ...env },
      timeout: LIMIT,
    });
  }

  /**
   * Plays the command once, and copies the scene before each call. A copy is what a kill leaves there: no process has
   * its files open.
   */
  async copyStates(): Promise<void> {
    await this.reset();
    const states = this.#temp.join("states");
    await Deno.mkdir(states);
    const { path } = this.scene;
    const { code, stderr } = await this.#supervisor.run(
      this.processOf(["--quiet", ...this.scenario.command]),
      { below: [path], each: `cp -a "${path}" "${states}/$1"`, env: this.#env },
    );
    if (code !== 0) throw new Error(`Cannot play ${this.scenario.name}: exit ${code}: ${stderr}`);
  }

  /** Brings the scene into the state before a call. @returns false where there was no such call */
  async takeState(at: number): Promise<boolean> {
    await this.clear();
    try {
      await Deno.rename(this.#temp.join(`states/${at}`), this.scene.path);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  /** Runs the command as a user repeats it. */
  async again(): Promise<CommandResult> {
    const { command } = this.scenario;
    // A container needs the streams of a process.
    if (isContainer(command)) return await this.run();
    return await this.#inProcess(command);
  }

  /** What the scene holds at the end. */
  async facts(): Promise<string[]> {
    await this.#do(this.scenario.settle ?? []);
    // What a commit cannot read of a document is noted by the first command that looks for an image by its ID.
    if (lacksParts(this.scene.root)) await this.#inProcess(["inspect", NO_ID]);
    return await factsOf(this.scene.path);
  }

  /** Plays the command once without a fault. */
  async undisturbed(
    everything?: boolean,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Undisturbed> {
    await this.reset();
    const { code, calls, stderr } = await this.run(undefined, everything, env);
    if (code !== 0) throw new Error(`Cannot play ${this.scenario.name}: exit ${code}: ${stderr}`);
    return { calls, facts: await this.facts() };
  }

  /** Opens the store as the next command does, which heals it, and judges it then. Does so with a backup of it, too. */
  async heal(): Promise<void> {
    const { root } = this.scene;
    if (this.scenario.store === undefined) await judgeOpened(root);
    const damage = await this.#damage();
    await judgeIdle(root, this.scenario.command[0] === "pull" ? /\.part$/ : undefined);
    for (const copy of await this.#copies()) {
      await judgeOpened(copy);
      damage.push(...await this.#damage(copy));
      await judgeIdle(copy);
    }
    const more = damage.filter(({ thing }) => !this.#known.has(thing));
    if (more.length === 0) return;
    const lines = more.map(({ thing, actual }) => `${thing}: ${actual}`);
    throw new Error(`fsck --deep finds ${lines.join("; ")}`);
  }

  /** What a deep check finds; it opens the store as the next command does. */
  async #damage(
    root: string = this.scene.root,
  ): Promise<{ readonly thing: string; readonly actual: string }[]> {
    const command = ["--root", root, "fsck", "--deep", "--format", "json"];
    const { code, stdout, stderr } = await this.#inProcess(command);
    if (code !== 0 && code !== 3) throw new Error(`fsck --deep ends with ${code}: ${stderr}`);
    const found = JSON.parse(stdout) as { kind: string; what: string; actual: string }[];
    return found.map(({ kind, what, actual }) => ({ thing: `${kind}: ${what}`, actual }));
  }

  /** The roots of other stores in the scene. An unfinished one has another name. */
  async #copies(): Promise<string[]> {
    const { path, root } = this.scene;
    const databases = (await pathsBelow(path)).filter((one) => one.endsWith("/meta.db"));
    return databases.map((one) => one.slice(0, one.lastIndexOf("/"))).filter((one) =>
      one !== root && !one.slice(path.length).includes("/.")
    );
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
    return [...this.#program, ...this.#filled(words)];
  }

  async #inProcess(words: readonly string[]): Promise<CommandResult> {
    return await runCommand(this.#filled(words), { env: this.#env, isRoot: true });
  }

  get #env(): Readonly<Record<string, string>> {
    return { ...VARIABLES, VARVE_ROOT: this.scene.root, NO_COLOR: "1" };
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
      // A container needs the streams of a process.
      const { code, stderr } = isContainer(step)
        ? await runAny(this.processOf(step), { env: this.#env })
        : await this.#inProcess(step);
      if (code !== 0) throw new Error(`Cannot prepare ${step.join(" ")}: exit ${code}: ${stderr}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clear();
    await this.#servers[Symbol.asyncDispose]();
    await this.#temp[Symbol.asyncDispose]();
  }
}
