/** Ctrl-C on a real terminal. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { varveTerminal } from "../support/cli/varve_terminal.ts";
import { archiveTar, ociFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { waitUntil } from "../support/machine/wait.ts";

const NAME = "example.org/sample:1";

/** Number of syncfs(2). */
const SYNCFS = Deno.build.arch === "x86_64" ? 306 : 267;

for (const [verb, source] of [["unpack", NAME], ["cp", `${NAME}:/`]] as const) {
  Deno.test({
    name:
      `${verb}: Ctrl-C names what is being removed, a second one leaves it, the next unpack removes it`,
    ...needs({ tools: ["tmux", "strace"] }),
    fn: async () => {
      await using temp = await tempDir();
      const cli = new Cli(temp.join("store"), { env: { VARVE_DURABILITY: "full" } });
      const archive = temp.join("app.tar");
      await Deno.writeFile(archive, archiveTar(ociFiles([sampleImage()])));
      await cli.text(["load", archive]);
      const target = temp.join("out");
      await using terminal = await varveTerminal(cli, temp.join("tmux"), 200);
      // A sync of ten minutes: nothing can be removed before its end.
      const strace =
        "strace -f --seccomp-bpf -e trace=syncfs -e inject=syncfs:delay_enter=600000000";
      const command = cli.command([verb, source, target]).join(" ");
      await terminal.type(`${strace} -o ${temp.join("log")} ${command}; echo "rc=$?"`);
      const held = await waitUntil("the sync", () => findInSync(target));
      const partial = await partialOf(temp.path) ?? "";
      assert(await countOf(partial) > 0, "the files are not there");
      await terminal.tmux("send-keys", "C-c");
      const said = await terminal.see(/^.*interrupt again to leave it$/m);
      assertMatch(said, /^(\^C)?varve: warning: interrupted: removing /);
      assert(said.includes(partial), said);
      assertEquals(await countOf(target), 0);
      await terminal.tmux("send-keys", "C-c");
      await waitUntil("the end of varve", () => hasEnded(held.varve));
      assert(await countOf(partial) > 0, "it is not left");
      // strace itself would wait for the end of its delay.
      Deno.kill(held.strace, "SIGKILL");
      await terminal.see(/rc=[0-9]+$/m);

      const { code, shown } = await terminal.shell(`varve ${verb} ${source} ${target}`);
      assertEquals(code, 0, shown);
      assert(await countOf(target) > 0);
      assertEquals(await partialOf(temp.path), undefined);
    },
  });
}

/** The directory below `parent` that an unpack fills. */
async function partialOf(parent: string): Promise<string | undefined> {
  const entries = await Array.fromAsync(Deno.readDir(parent));
  const found = entries.find(({ name }) => name.startsWith(".varve-unpack-"));
  return found && `${parent}/${found.name}`;
}

/** The program that unpacks to `target`, and its tracer, once a thread of it is in a sync. */
async function findInSync(
  target: string,
): Promise<{ readonly varve: number; readonly strace: number } | undefined> {
  let [varve, strace] = [0, 0];
  for await (const { name: pid } of Deno.readDir("/proc")) {
    if (!/^[0-9]+$/.test(pid)) continue;
    const words = (await read(`/proc/${pid}/cmdline`)).split("\0");
    if (words.at(-2) !== target) continue;
    if (words[0] === "strace") strace = Number(pid);
    const threads = await Array.fromAsync(Deno.readDir(`/proc/${pid}/task`)).catch(() => []);
    for (const { name: thread } of threads) {
      const call = await read(`/proc/${pid}/task/${thread}/syscall`);
      if (call.startsWith(`${SYNCFS} `)) varve = Number(pid);
    }
  }
  return varve > 0 && strace > 0 ? { varve, strace } : undefined;
}

/** Whether a process is gone, or a zombie. */
async function hasEnded(pid: number): Promise<boolean> {
  return !/^State:\s+[^ZX]/m.test(await read(`/proc/${pid}/status`));
}

/** The content of a file; `""` where it cannot be read, such as that of a process that has ended. */
async function read(path: string): Promise<string> {
  return await Deno.readTextFile(path).catch(() => "");
}

/** Number of entries of a directory; 0 where there is none. */
async function countOf(directory: string): Promise<number> {
  const entries = await Array.fromAsync(Deno.readDir(directory)).catch(() => []);
  return entries.length;
}
