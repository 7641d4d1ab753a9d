/**
 * One of the processes that use a store together: `deno run processes_child.ts '<ProcessTask>'`. It prints one line of
 * JSON at its end, a {@linkcode ProcessVerdict}.
 */
import { runCommand } from "../support/cli/in_process.ts";
import { PROGRAM } from "../support/cli/cli.ts";
import { runAny } from "../support/machine/process.ts";
import { BOX } from "../support/images/busybox_image.ts";
import { type Prng, prng } from "../support/prng.ts";

/** What a process does. */
export interface ProcessTask {
  readonly root: string;
  /** Directory with the archives; a directory with this process's number in it is its own. */
  readonly dir: string;
  /** Number of this process: it has names and keys of its own. */
  readonly number: number;
  /** Number of all processes. */
  readonly count: number;
  readonly seed: number;
  /** For how long it works. */
  readonly seconds: number;
  /** Whether it mounts and runs. */
  readonly mounts: boolean;
}

/** What a process says at its end. */
export interface ProcessVerdict {
  /** Commands that ended in a way that they must not, a line each. */
  readonly wrong: readonly string[];
  /** How many commands ran, by their verbs. */
  readonly done: Readonly<Record<string, number>>;
  /** How many of them said that something is in use. */
  readonly busy: number;
  /** Names of the images that this process has. */
  readonly names: readonly string[];
  /** Keys of the snapshots that this process has. */
  readonly keys: readonly string[];
}

/** Number of images that a process has. */
export const OWN_IMAGES = 3;

/** Name of an image of a process. */
export function nameOf(number: number, image: number | string): string {
  return `example.org/p${number}-${image}:1`;
}

/** Path of the archive of an image. */
export function archiveOf(dir: string, number: number, image: number): string {
  return `${dir}/p${number}-${image}.tar`;
}

/** Exit code of a command about an image that another process may have removed. */
const MAY_BE_GONE = 4;

/** Exit code of a mount of a snapshot that is on top of another image. */
const ON_ANOTHER = 5;

/** Exit code of a command that finds something in use. */
const BUSY = 6;

/** The code of the error that a command told: it has to be one line of JSON and nothing else. */
function errorCode(stderr: string): string | undefined {
  const [line = "", ...more] = stderr.trim().split("\n");
  if (more.length > 0 || !line.startsWith("{")) return undefined;
  return (JSON.parse(line) as { readonly error?: { readonly code?: string } }).error?.code;
}

class Worker {
  readonly #task: ProcessTask;
  readonly #random: Prng;
  readonly #names = new Set<string>();
  /** The image of each key. */
  readonly #keys = new Map<string, string>();
  readonly #wrong: string[] = [];
  readonly #done: Record<string, number> = {};
  #busy = 0;
  #turn = 0;

  constructor(task: ProcessTask) {
    this.#task = task;
    this.#random = prng(1000 * task.seed + task.number);
  }

  async work(): Promise<ProcessVerdict> {
    const end = performance.now() + 1000 * this.#task.seconds;
    const acts = this.#acts();
    do {
      this.#turn++;
      await this.#random.pick(acts)();
    } while (performance.now() < end);
    return {
      wrong: this.#wrong,
      done: this.#done,
      busy: this.#busy,
      names: [...this.#names],
      keys: [...this.#keys.keys()],
    };
  }

  /** What a process does: what is its own is there until it removes it. */
  #acts(): (() => Promise<void>)[] {
    const { number, count, dir, mounts } = this.#task;
    const random = this.#random;
    const name = () => random.pick([...this.#names]);
    const withName = (act: (name: string) => Promise<void>) => async () => {
      if (this.#names.size > 0) await act(name());
    };
    const load = async () => {
      const image = random.int(0, OWN_IMAGES);
      if (await this.#run(["load", archiveOf(dir, number, image)]) !== undefined) {
        this.#names.add(nameOf(number, image));
      }
    };
    const plain = [
      load,
      load,
      () => this.#run(["gc"]),
      () => this.#run(["prune", "caches", "--force"]),
      () => this.#run(["images"]),
      () => this.#run(["df"]),
      () => this.#run(["fsck"]),
      withName(async (name) => {
        const text = await this.#run(["cat", `${name}:/own`]);
        if (text !== undefined) this.#expect("cat", text, `own ${number}`);
      }),
      withName(async (name) => void await this.#run(["save", name, "-o", `${dir}/${number}/save`])),
      withName(async (name) => void await this.#run(["why", name])),
      withName(async (name) => {
        const other = nameOf(number, "tag");
        if (await this.#run(["tag", name, other]) !== undefined) this.#names.add(other);
      }),
      withName(async (name) => {
        if (await this.#run(["rmi", name]) !== undefined) this.#names.delete(name);
      }),
      async () => {
        const other = (number + random.int(1, count)) % count;
        await this.#run(["cat", `${nameOf(other, 0)}:/own`], MAY_BE_GONE);
      },
    ];
    if (!mounts) return plain.map((act) => async () => void await act());
    const key = () => random.pick([...this.#keys]);
    const withKey = (act: (key: string, name: string) => Promise<void>) => async () => {
      if (this.#keys.size > 0) await act(...key());
    };
    return [
      ...plain,
      withName((name) => this.#view(name)),
      withName((name) => this.#write(name, `key-${number}-${this.#turn}`)),
      withKey(async (key, name) => {
        // The name may have got another image since.
        if (this.#names.has(name)) await this.#write(name, key, ON_ANOTHER);
      }),
      withKey(async (key) => {
        const name = nameOf(number, "commit");
        if (await this.#run(["commit", key, name]) === undefined) return;
        this.#names.add(name);
        const text = await this.#run(["cat", `${name}:/new`]);
        if (text !== undefined) this.#expect("commit", text, key);
      }),
      withKey(async (key) => {
        if (await this.#run(["snapshot", "rm", key]) !== undefined) this.#keys.delete(key);
      }),
      () => this.#container(),
    ].map((act) => async () => void await act());
  }

  /** Mounts an image read-only, and reads it. */
  async #view(name: string): Promise<void> {
    const target = `${this.#task.dir}/${this.#task.number}/view`;
    if (await this.#run(["mount", name, target]) === undefined) return;
    const text = await Deno.readTextFile(`${target}/own`).catch(String);
    this.#expect("mount", text, `own ${this.#task.number}`);
    await this.#unmount(target);
  }

  /** Mounts an image read-write, and writes into it. */
  async #write(name: string, key: string, allowed?: number): Promise<void> {
    const target = `${this.#task.dir}/${this.#task.number}/rw`;
    if (await this.#run(["mount", name, target, "--rw", key], allowed) === undefined) return;
    this.#keys.set(key, name);
    await Deno.writeTextFile(`${target}/new`, key);
    await this.#unmount(target);
  }

  /** What is mounted has to be unmounted before anything else: a store that is busy is asked again. */
  async #unmount(target: string): Promise<void> {
    while (await this.#run(["umount", target]) === undefined && this.#wrong.length === 0);
  }

  /** Runs a container, in a process of its own. */
  async #container(): Promise<void> {
    const words = ["run", "--rm", "--name", `run-${this.#task.number}`, "--runtime", "chroot", BOX];
    const args = [...words, "--", "/bin/echo", "hello"];
    const command = [...PROGRAM, ...args];
    const env = { VARVE_ROOT: this.#task.root, VARVE_DURABILITY: "none", NO_COLOR: "1" };
    const { code, stdout, stderr } = await runAny(command, { env });
    this.#count("run");
    if (code === 0) return this.#expect("run", stdout.trim(), "hello");
    // A failure of varve itself has the exit code 125, whatever it is.
    if (code === 125 && /is busy|in use|another process/.test(stderr)) this.#busy++;
    else this.#wrong.push(`run: exit ${code}: ${stderr.trim()}`);
  }

  /** Gives what a command wrote; `undefined` when it did nothing, because something is in use. */
  async #run(args: readonly string[], allowed?: number): Promise<string | undefined> {
    const env = {
      VARVE_ROOT: this.#task.root,
      VARVE_WORKERS: "1",
      VARVE_DURABILITY: "none",
      NO_COLOR: "1",
    };
    const words = ["--format", "json", "--quiet", ...args];
    const { code, stdout, stderr } = await runCommand(words, { env, isRoot: true });
    this.#count(args[0] as string);
    if (code === 0) return stdout;
    if (code === allowed) return undefined;
    if (code === BUSY && errorCode(stderr) === "E_BUSY") this.#busy++;
    else this.#wrong.push(`${args.join(" ")}: exit ${code}: ${stdout}${stderr}`.trim());
    return undefined;
  }

  #count(verb: string): void {
    this.#done[verb] = (this.#done[verb] ?? 0) + 1;
  }

  #expect(verb: string, actual: string, expected: string): void {
    if (actual !== expected) this.#wrong.push(`${verb}: ${actual} instead of ${expected}`);
  }
}

if (import.meta.main) {
  const verdict = await new Worker(JSON.parse(Deno.args[0] as string)).work();
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(verdict)));
}
