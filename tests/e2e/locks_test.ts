/** Waits for other processes, and file systems without locks, as the user sees them. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { needs } from "../support/machine/needs.ts";
import { runAny } from "../support/machine/process.ts";
import { standing, type StandingProcess } from "../support/machine/standing.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { waitUntil } from "../support/machine/wait.ts";

const NAME = "example.org/app:1";
const LAYER = { name: "file", content: "content" };

async function archive(temp: TempDir): Promise<{ readonly path: string; readonly digest: string }> {
  const image = buildImage({ name: NAME, layers: [[LAYER]], packing: "none" });
  const path = temp.join("app.tar");
  await Deno.writeFile(path, archiveTar(ociFiles([image])));
  return { path, digest: image.layers[0]?.diffId as string };
}

/** Holds a lock in a process of its own until it is disposed. */
function holdLock(path: string): Promise<StandingProcess> {
  return standing(["flock", "--no-fork", path, "sh", "-c", "echo held; exec cat"]);
}

/** A command that runs, and what it has written to standard error so far. */
function start(command: readonly string[]) {
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, { args, stdout: "null", stderr: "piped" }).spawn();
  let said = "";
  const decoder = new TextDecoderStream();
  const reading = child.stderr.pipeThrough(decoder).pipeTo(
    new WritableStream({ write: (text) => void (said += text) }),
  );
  return {
    kill: (signal: Deno.Signal) => child.kill(signal),
    said: () => said,
    async end(): Promise<number> {
      await reading;
      return (await child.status).code;
    },
  };
}

for (const progress of ["plain", "none"]) {
  Deno.test({
    name: `P5: a load names the process that it waits for; progress ${progress}`,
    ...needs({ tools: ["flock"] }),
    async fn() {
      await using temp = await tempDir();
      const { path, digest } = await archive(temp);
      const root = temp.join("store");
      const varve = new Cli(root);
      await varve.text(["import", temp.path, "example.org/other:1"]);
      const lock = `${root}/ingest/${digest}.lock`;
      const command = varve.command(["--root", root, "--progress", progress, "load", path]);
      {
        await using holder = await holdLock(lock);
        const load = start(command);
        const line = await waitUntil(
          "the line",
          () => /^varve: waiting: .*$/m.exec(load.said())?.[0],
          { seen: load.said },
        );
        assertStringIncludes(line, `waiting: process ${holder.pid} (cat) makes layer ${digest}`);
        load.kill("SIGINT");
        assertEquals(await load.end(), 130);
        assertEquals(load.said().match(/waiting/g)?.length, 1);
      }
      assertEquals(await start(command).end(), 0);
    },
  });
}

Deno.test({
  name: "P6: a file system without locks is told with a hint, on one line",
  ...needs({ tools: ["strace"] }),
  async fn() {
    await using temp = await tempDir();
    const { path } = await archive(temp);
    const root = temp.join("store");
    const varve = new Cli(root);
    await varve.text(["load", path]);
    const inject = ["-e", "trace=flock", "-e", "inject=flock:error=ENOLCK"];
    for (const verb of [["images"], ["load", path], ["snapshot", "ls"]]) {
      const { code, stderr } = await runAny([
        ...["strace", "-f", "-qq", "-o", "/dev/null", ...inject],
        ...varve.command(["--root", root, ...verb]),
      ]);
      assertEquals(code, 12, stderr);
      assertMatch(stderr, /^varve: Cannot open store .*: no locks available \(.*NFS.*\)\n$/);
    }
  },
});

Deno.test({
  name: "P6: a file system that has no locks for SQLite is told on one line, too",
  ...needs({ tools: ["strace"] }),
  async fn() {
    await using temp = await tempDir();
    const { path } = await archive(temp);
    const root = temp.join("store");
    const varve = new Cli(root);
    await varve.text(["load", path]);
    const files = ["meta.db", "meta.db-shm", "store.lock"].flatMap((name) => [
      ...["-P", `${root}/${name}`],
    ]);
    const inject = ["-e", "trace=fcntl", "-e", "inject=fcntl:error=ENOLCK"];
    const { code, stderr } = await runAny([
      ...["strace", "-f", "-qq", "-o", "/dev/null", ...files, ...inject],
      ...varve.command(["--root", root, "images"]),
    ]);
    assertEquals(code, 12, stderr);
    assertMatch(stderr, /^varve: Cannot .*: the file system has no locks \(.*NFS.*\)\n$/);
  },
});
