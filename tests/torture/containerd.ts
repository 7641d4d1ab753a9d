/**
 * Kills varve, or containerd, at random moments while containerd imports, runs, compares and collects. After each kill
 * the daemon is started again, and every command that failed has to succeed when it is tried once more.
 */
import { boxLayer } from "../support/images/busybox_image.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { waitUntil } from "../support/machine/wait.ts";
import { serveContainerdIn, type ServedContainerd } from "../support/peers/served_containerd.ts";
import { type Prng, prng } from "../support/prng.ts";
import { agreement, cleanEnd, collectAll } from "./containerd_checks.ts";

/** What is killed, and how often. */
export interface ContainerdKills {
  readonly victim: "varve" | "containerd";
  readonly kills: number;
  readonly seed: number;
  /** After so many kills the lists and the store are compared; 20 when absent. */
  readonly every?: number | undefined;
  /** Whether varve inherits its socket, as from systemd. */
  readonly inherited?: boolean | undefined;
}

/** What the machine must have. */
export const NEEDS_CONTAINERD = {
  root: true,
  mount: true,
  tools: ["containerd", "ctr", "runc", "busybox", "python3"],
} as const;

/** What came of it. */
export interface ContainerdKillsResult {
  /** Broken promises, a line each. */
  readonly findings: readonly string[];
  /** Commands that ran, without those that were tried again. */
  readonly commands: number;
  /** Commands that a kill made fail. */
  readonly failed: number;
}

const VARVE = ["--snapshotter", "varve"];
/** ctr makes no control group: the machine of a test may not let it. */
const RUN = ["run", ...VARVE, "--cgroup", ""];
const KEPT = "example.org/kept:1";
const IMAGES = ["example.org/a:1", "example.org/b:1"] as const;
/**
 * runc's control group of a container has the container's name, whichever containerd it is of. So the names of one
 * process are not those of another.
 */
const OWN = crypto.randomUUID().slice(0, 8);
const KEEPER = `keeper-${OWN}`;

/**
 * What ctr says when containerd was killed just after it had made the directory of a task: then that stays after the
 * start, too, with any snapshotter.
 */
const LEFT_BUNDLE =
  /failed to start shim: mkdir (\/\S+\/io\.containerd\.runtime\.v2\.task\/\S+): file exists/;

const hasLeftBundle = ({ stderr }: { readonly stderr: string }): boolean =>
  LEFT_BUNDLE.test(stderr);

/** Milliseconds for a command. One that takes longer hangs. */
const HANGS = 120_000;

/** A command that is tried again until it succeeds. */
interface Command {
  readonly words: readonly string[];
  /** What it writes. */
  readonly says?: string | undefined;
  /** Name of the container that it runs. */
  readonly container?: string | undefined;
}

/** One round of commands. Those of one step run at the same time. */
function steps(dir: string, turn: number): (readonly Command[])[] {
  const [a, b] = IMAGES;
  const importOf = (at: number): Command => ({
    words: ["image", "import", ...VARVE, `${dir}/${at}.tar`],
  });
  const container = (name: string) => `${name}-${OWN}-${turn}`;
  const look = (image: string, name: string, says: string): Command => ({
    words: [...RUN, "--rm", image, container(name), "sh", "-c", "cat /etc/motd && echo 1 >/srv/1"],
    says,
    container: container(name),
  });
  return [
    [importOf(0), importOf(1)],
    [look(a, "a", "0\n"), look(b, "b", "1\n")],
    [{ words: ["snapshots", ...VARVE, "diff", KEEPER] }, look(a, "c", "0\n")],
    [{ words: ["image", "rm", a] }, look(b, "d", "1\n")],
    [importOf(0), { words: ["snapshots", ...VARVE, "usage", KEEPER] }],
    [{ words: ["image", "rm", "--sync", a, b] }],
  ];
}

/** Kills so often, and gives what is wrong during it and at the end. */
export async function killServed(
  { victim, kills, seed, every = 20, inherited = false }: ContainerdKills,
): Promise<ContainerdKillsResult> {
  await using temp = await tempDir("varve-kills-", "/var/tmp");
  await writeImages(temp.path);
  const findings: string[] = [];
  await using served = await serveContainerdIn(temp.path, { inherited });
  const killing = new Killing(served, victim, prng(seed), findings);
  await served.text(["image", "import", ...VARVE, temp.join("kept.tar")]);
  const tick = "while :; do echo >>/srv/ticks; sleep 0.1; done";
  await served.text([...RUN, "--detach", KEPT, KEEPER, "sh", "-c", tick]);
  try {
    const pid = await killing.keeper();
    // Once without a kill: how long each step takes.
    const lasted: number[] = [];
    for (const step of steps(temp.path, 0)) {
      const began = performance.now();
      for (const { words, code, stderr } of await killing.try(step)) {
        if (code !== 0) throw new Error(`Cannot run ctr ${words.join(" ")}: ${stderr}`);
      }
      lasted.push(performance.now() - began);
    }
    for (let kill = 0; kill < kills; kill++) {
      const turn = 1 + Math.floor(kill / lasted.length);
      const step = steps(temp.path, turn)[kill % lasted.length]!;
      killing.about = `kill ${kill + 1}, ${step.map(({ words }) => words.join(" ")).join(" | ")}`;
      await killing.during(step, lasted[kill % lasted.length]!);
      if (await killing.keeper() !== pid) killing.found("the container is another process");
      await killing.ticks(pid);
      if ((kill + 1) % every === 0) {
        await killing.rest();
        findings.push(...await agreement(served));
      }
    }
    killing.about = "at the end";
    await killing.rest();
    findings.push(...await agreement(served));
    const { code, stdout, stderr } = await served.any([
      ...["tasks", "exec", "--exec-id", "end", KEEPER, "cat", "/etc/motd"],
    ]);
    if (code !== 0 || stdout !== "kept\n") {
      killing.found(`exec in the container: ${stdout}${stderr}`);
    }
  } finally {
    await served.any(["tasks", "rm", "--force", KEEPER]);
    await served.any(["containers", "rm", KEEPER]);
  }
  await served.any(["image", "rm", ...IMAGES, KEPT]);
  await collectAll(served);
  findings.push(...await cleanEnd(served));
  return { findings, commands: killing.commands, failed: killing.failed };
}

/** How a command ended. */
interface Tried extends Command {
  readonly code: number;
  readonly stderr: string;
}

/** Runs commands and kills one of the daemons meanwhile. */
class Killing {
  readonly #served: ServedContainerd;
  readonly #victim: ContainerdKills["victim"];
  readonly #random: Prng;
  readonly #findings: string[];
  /** What goes on, for messages. */
  about = "at the begin";
  commands = 0;
  failed = 0;

  constructor(
    served: ServedContainerd,
    victim: ContainerdKills["victim"],
    random: Prng,
    findings: string[],
  ) {
    this.#served = served;
    this.#victim = victim;
    this.#random = random;
    this.#findings = findings;
  }

  found(what: string): void {
    this.#findings.push(`${this.about}: ${what}`);
  }

  /** Runs commands at the same time. */
  async try(step: readonly Command[]): Promise<Tried[]> {
    return await Promise.all(step.map(async (command) => {
      try {
        const { code, stdout, stderr } = await this.#served.any(command.words, HANGS);
        const isWrong = code === 0 && command.says !== undefined && stdout !== command.says;
        if (isWrong) {
          this.found(`ctr ${command.words.join(" ")} says ${JSON.stringify(stdout)} ${stderr}`);
        }
        return { ...command, code, stderr };
      } catch (error) {
        this.found(`it hangs: ${error instanceof Error ? error.message : error}`);
        return { ...command, code: -1, stderr: "" };
      }
    }));
  }

  /** Runs commands, kills a daemon at a random moment, starts it, and tries again what failed. */
  async during(step: readonly Command[], lasts: number): Promise<void> {
    const running = this.try(step);
    // The moment is what is random here: nothing is concluded from it.
    await new Promise((resolve) => setTimeout(resolve, this.#random.int(0, Math.ceil(lasts))));
    if (this.#victim === "varve") {
      const { stderr } = await this.#served.end("SIGKILL");
      for (const line of stderr.split("\n")) {
        if (/code=(?:Internal|Unknown)|Uncaught|panicked/.test(line)) this.found(`varve: ${line}`);
      }
      await this.#served.start();
    } else {
      await this.#served.containerd.end("SIGKILL");
      await this.#served.containerd.start();
    }
    const tried = await running;
    await this.#connected();
    this.commands += tried.length;
    const failed = tried.filter(({ code }) => code !== 0);
    this.failed += failed.length;
    await this.#removeContainers(step);
    const again = await this.try(failed);
    const cut = this.#victim === "containerd" ? again.filter(hasLeftBundle) : [];
    for (const { stderr } of cut) {
      await Deno.remove(LEFT_BUNDLE.exec(stderr)?.[1] as string, { recursive: true });
    }
    const rest = again.filter((one) => !cut.includes(one));
    for (const { words, code, stderr } of [...rest, ...await this.try(cut)]) {
      if (code !== 0) this.found(`again: ctr ${words.join(" ")}: ${code}: ${stderr}`);
    }
    await this.#removeContainers(step);
  }

  /** containerd waits up to three seconds until it connects again. */
  async #connected(): Promise<void> {
    let last = "";
    await waitUntil("containerd's connection to varve", async () => {
      const { code, stderr } = await this.#served.any(["snapshots", ...VARVE, "info", KEEPER]);
      last = stderr;
      if (code !== 0 && !/unavailable|connection/i.test(stderr)) this.found(stderr);
      return code === 0;
    }, { deadline: HANGS, seen: () => last });
  }

  /**
   * What a failed `run` leaves is removed as users do it. With any snapshotter that is its task, its container, or only
   * its snapshot, which ctr makes before the container.
   */
  async #removeContainers(step: readonly Command[]): Promise<void> {
    const all = (await this.#served.text(["containers", "ls", "-q"])).split("\n");
    for (const name of all.filter((name) => name !== "" && name !== KEEPER)) {
      await this.#served.any(["tasks", "rm", "--force", name]);
      const { code, stderr } = await this.#served.any(["containers", "rm", name]);
      if (code !== 0) this.found(`the rest of container ${name} stays: ${stderr}`);
    }
    const list = () => this.#served.text(["snapshots", ...VARVE, "ls"]);
    const snapshots = await list();
    for (const { container } of step) {
      if (container === undefined || !snapshots.includes(`${container} `)) continue;
      const { code, stderr } = await this.#served.any(["snapshots", ...VARVE, "rm", container]);
      // The command that was cut may have removed it meanwhile.
      if (code === 0 || !(await list()).includes(`${container} `)) continue;
      this.found(`the snapshot of ${container} stays: ${stderr}`);
    }
  }

  /** The process of the container that runs all the time. */
  async keeper(): Promise<string | undefined> {
    const tasks = await this.#served.text(["tasks", "ls"]);
    const pid = new RegExp(`^${KEEPER}\\s+(\\d+)\\s+RUNNING`, "m").exec(tasks)?.[1];
    if (pid === undefined) this.found(`the container does not run: ${tasks}`);
    return pid;
  }

  /** Waits until the container has written something more. */
  async ticks(pid: string | undefined): Promise<void> {
    if (pid === undefined) return;
    const written = async () => (await Deno.stat(`/proc/${pid}/root/srv/ticks`)).size;
    try {
      const before = await written();
      await waitUntil("another tick of the container", async () => await written() > before);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      const log = await Deno.readTextFile(this.#served.containerd.log);
      const lines = log.split("\n").filter((line) => line.includes(KEEPER));
      this.found(`the container has ended: ${lines.slice(-3).join("\n")}`);
    }
  }

  /** Waits for what goes on: nothing that a client began remains. */
  async rest(): Promise<void> {
    await collectAll(this.#served);
  }
}

/** Two images that share their lowest layer with the one of the container that goes on. */
async function writeImages(dir: string): Promise<void> {
  const box = await boxLayer([{ name: "srv/" }]);
  const write = async (
    file: string,
    name: string,
    layers: Parameters<typeof buildImage>[0]["layers"],
  ) =>
    await Deno.writeFile(
      `${dir}/${file}.tar`,
      archiveTar(ociFiles([buildImage({ name, layers, packing: "gzip" })])),
    );
  await write("kept", KEPT, [box, [{ name: "etc/motd", content: "kept\n" }]]);
  for (const [at, name] of IMAGES.entries()) {
    const random = prng(at + 1);
    const big = Array.from({ length: 3 }, (_, i) => [
      { name: `srv/big-${i}`, content: random.bytes(3_000_000) },
      ...Array.from(
        { length: 200 },
        (_, file) => ({ name: `srv/${i}-${file}`, content: `${file}` }),
      ),
    ]);
    await write(String(at), name, [box, ...big, [{ name: "etc/motd", content: `${at}\n` }]]);
  }
}
