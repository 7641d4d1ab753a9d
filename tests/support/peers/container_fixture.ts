/** `varve run` on a store with one small image, and what runs must not leave behind. */
import { Cli } from "../cli/cli.ts";
import { boxImage } from "../images/busybox_image.ts";
import { archiveTar, ociFiles } from "../images/images.ts";
import { mountsBelow } from "../machine/census.ts";
import { type TempDir, tempDir } from "../machine/temp_dir.ts";
import { waitUntil } from "../machine/wait.ts";
import type { TarFixture } from "../tar/tar_fixture.ts";

/** The runtimes that are tested. */
export const RUNTIME_NAMES = ["runc", "crun", "chroot"] as const;

/** Programs that the tests of containers need. */
export const CONTAINER_TOOLS: readonly string[] = [
  "runc",
  "crun",
  "unshare",
  "setpriv",
  "tini-static",
  "busybox",
];

/** A store with the image, and the command on it. */
export interface ContainerFixture extends AsyncDisposable {
  readonly temp: TempDir;
  readonly root: string;
  readonly varve: Cli;
  /** Processes of {@linkcode startContainer}. Those that still run at the end are killed: a failed test leaves them. */
  readonly children: Deno.ChildProcess[];
}

/** Makes a store with an image of busybox. */
export async function containerFixture(
  options: {
    readonly config?: Readonly<Record<string, unknown>>;
    readonly layer?: readonly TarFixture[];
    readonly driver?: string;
  } = {},
): Promise<ContainerFixture> {
  await using stack = new AsyncDisposableStack();
  const temp = stack.use(await tempDir("varve-run-"));
  // The watchdog of a run that was killed still works on the store.
  stack.defer(async () => {
    let left: string[] = [];
    await waitUntil(`the end of the processes of ${temp.path}`, async () => {
      left = await processesWith(temp.path);
      return left.length === 0;
    }, { seen: () => left });
  });
  const children: Deno.ChildProcess[] = [];
  stack.defer(() => children.forEach(kill));
  const image = await boxImage(options.config, options.layer);
  await Deno.writeFile(temp.join("box.tar"), archiveTar(ociFiles([image])));
  const root = temp.join("store");
  const env = options.driver === undefined ? {} : { VARVE_DRIVER: options.driver };
  const varve = new Cli(root, { env });
  await varve.text(["load", temp.join("box.tar")]);
  const owned = stack.move();
  return { temp, root, varve, children, [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() };
}

/** What runs left behind: mounts, directories, processes, and the cgroups of these ids. */
export async function leftovers(
  { root }: ContainerFixture,
  ids: readonly string[] = [],
): Promise<string[]> {
  // The other mounts there are lowers that snapshots share.
  const out = (await mountsBelow(`${root}/mounts`)).filter((path) => path.includes("/run-"))
    .map((path) => `mount ${path}`);
  out.push(...(await runsOf(root)).map((name) => `directory ${name}`));
  for (const id of ids) {
    const { stdout } = await new Deno.Command("find", {
      args: ["/sys/fs/cgroup", "-name", `*${id}*`],
      stderr: "null",
    }).output();
    out.push(...new TextDecoder().decode(stdout).split("\n").filter((line) => line !== ""));
  }
  out.push(...(await processesWith(`${root}/mounts/run-`)).map((command) => `process ${command}`));
  return out;
}

/** Waits until {@linkcode leftovers} finds nothing any more. */
export async function waitUntilGone(
  fixture: ContainerFixture,
  ids: readonly string[],
): Promise<void> {
  let left: string[] = [];
  await waitUntil("the end of all that runs leave", async () => {
    left = await leftovers(fixture, ids);
    return left.length === 0;
  }, { seen: () => left });
}

/** Command lines that contain a text, of all processes. */
async function processesWith(text: string): Promise<string[]> {
  const out: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    const command = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (command.includes(text)) out.push(command.replaceAll("\0", " "));
  }
  return out;
}

/** Pids of the watchdogs of a run. */
export async function watchdogsOf(directory: string): Promise<number[]> {
  const pids: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    const command = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (command.includes(`varve-watchdog\0${directory}\0`)) pids.push(Number(name));
  }
  return pids;
}

/** Names of the directories of runs, below `mounts` of a store. */
export async function runsOf(root: string): Promise<string[]> {
  const out: string[] = [];
  for await (const { name } of Deno.readDir(`${root}/mounts`)) {
    if (name.startsWith("run-")) out.push(name);
  }
  return out;
}

/** A container that runs in the background. */
export interface RunningContainer {
  /** The process of varve. */
  readonly child: Deno.ChildProcess;
  /** Number and random part of the run's name; they are in the names of its cgroups as well. */
  readonly id: string;
  /** Pid of the first process on the host. */
  readonly first: number;
  /** Directory of the run. */
  readonly directory: string;
  /** Pid of the runtime. */
  readonly runner: number;
}

/** Starts a container under a key, and waits until it runs. */
export async function startContainer(
  fixture: ContainerFixture,
  key: string,
  args: readonly string[],
): Promise<RunningContainer> {
  const [program = "", ...rest] = fixture.varve.command(["run", "--name", key, ...args]);
  const env = { VARVE_ROOT: fixture.root, VARVE_DURABILITY: "none", NO_COLOR: "1" };
  const child = new Deno.Command(program, {
    args: rest,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  fixture.children.push(child);
  // A run that ends before it has begun is not waited for.
  let hasEnded = false;
  void child.status.then(() => hasEnded = true);
  const { name, pid } = await waitUntil(`the first process of container ${key}`, async () => {
    if (hasEnded) {
      const stderr = new TextDecoder().decode((await child.output()).stderr);
      throw new Error(`Cannot start container ${key}: ${stderr}`);
    }

    for (const name of await runsOf(fixture.root)) {
      const directory = `${fixture.root}/mounts/${name}`;
      const state = await readText(`${directory}/state.json`);
      const pid = await readText(`${directory}/pid`) ?? await readText(`${directory}/first`);
      if (state !== undefined && JSON.parse(state).key === key && pid) {
        return { name, pid: parseInt(pid) };
      }
    }
    return undefined;
  });
  const directory = `${fixture.root}/mounts/${name}`;
  const runner = parseInt(await Deno.readTextFile(`${directory}/runner`));
  return { child, id: name.slice("run-".length), first: pid, directory, runner };
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    // It has ended.
    if (!(error instanceof TypeError)) throw error;
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether a process runs; a zombie does not. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readText(`/proc/${pid}/stat`).catch(() => undefined);
  return stat !== undefined && !/\) [ZX] /.test(stat);
}
