/** `varve serve` as a process: how it begins, how it ends, what it refuses and what it prints. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createGrpcClient } from "../../lib/containerd/grpc/grpc_client.ts";
import { Diff } from "../../lib/containerd/proto/generated/diff_pb.ts";
import { isVarveError } from "../../lib/errors.ts";
import { Cli } from "../support/cli/cli.ts";
import { runCommand } from "../support/cli/in_process.ts";
import { served } from "../support/containerd/served.ts";
import { needs } from "../support/machine/needs.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const README = new URL("../../README.md", import.meta.url);

/** Calls a method that does nothing there, and says whether a server answered. */
async function isAnswered(socket: string): Promise<boolean> {
  using client = await createGrpcClient(socket);
  try {
    await client.unary(Diff.method.apply, {});
    return true;
  } catch (error) {
    return !isVarveError(error, "E_BUSY");
  }
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`serve: ${signal} ends it cleanly`, async () => {
    await using temp = await tempDir();
    const socket = temp.join("run/varve.sock");
    const server = await served(temp.join("store"), { args: ["--socket", socket] });
    assertEquals(server.socket, socket);
    assert(await isAnswered(socket));
    const { code, signal: ended } = await server.end(signal);
    assertEquals([code, ended], [0, null]);
    assertEquals(await Array.fromAsync(Deno.readDir(temp.join("run"))), []);
  });
}

Deno.test("serve: what a killed daemon leaves is in nobody's way", async () => {
  await using temp = await tempDir();
  const args = ["--socket", temp.join("varve.sock")];
  const server = await served(temp.join("store"), { args });
  await server.end("SIGKILL");
  assert((await Deno.lstat(temp.join("varve.sock"))).isSocket);
  await using _ = await served(temp.join("store"), { args });
  assert(await isAnswered(temp.join("varve.sock")));
});

Deno.test("serve: a second daemon, and a path that is taken, are refused", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  const socket = temp.join("varve.sock");
  await using server = await served(root, { args: ["--socket", socket] });
  const second = await server.cli.any(["serve", "--socket", temp.join("other.sock")]);
  assertEquals(second.code, 6);
  assertStringIncludes(second.stderr, `Cannot serve the store ${root}: process ${server.pid}`);
  const other = new Cli(temp.join("other"));
  const live = await other.any(["serve", "--socket", socket]);
  assertEquals(live.code, 6);
  assertStringIncludes(live.stderr, `Cannot listen on ${socket}: another process answers there`);
  await Deno.writeTextFile(temp.join("file"), "kept");
  const file = await other.any(["serve", "--socket", temp.join("file")]);
  assertEquals(file.code, 5);
  assertStringIncludes(file.stderr, `Cannot listen on ${temp.join("file")}: it is a file`);
  assertEquals(await Deno.readTextFile(temp.join("file")), "kept");
  const comma = await new Cli(temp.join("a,b")).any(["serve", "--socket", temp.join("c.sock")]);
  assertEquals(comma.code, 2);
  assertStringIncludes(comma.stderr, 'its path has a ","');
  assert(await isAnswered(socket));
});

/** MiB that a daemon may have in memory while it waits for its first layer. */
const MOST_MIB = 130;

Deno.test("serve: a daemon that has answered its first call has at most 130 MiB", async () => {
  await using temp = await tempDir();
  const socket = temp.join("varve.sock");
  await using server = await served(temp.join("store"), { args: ["--socket", socket] });
  assert(await isAnswered(socket));
  const status = await Deno.readTextFile(`/proc/${server.pid}/status`);
  const kib = Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(status)?.[1]);
  assert(kib / 1024 <= MOST_MIB, `${kib} KiB`);
});

/** Binds a socket, and starts the command that follows with it, as systemd does. */
const STARTER = `
import os, socket, sys
path, command = sys.argv[1], sys.argv[2:]
s = socket.socket(socket.AF_UNIX)
s.bind(path)
s.listen()
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(command[0], command)
`;

Deno.test({
  name: "serve: an inherited socket is used, and stays when the daemon ends",
  ...needs({ tools: ["python3"] }),
  async fn() {
    await using temp = await tempDir();
    const socket = temp.join("inherited.sock");
    const server = await served(temp.join("store"), {
      starter: ["python3", "-c", STARTER, socket],
    });
    assertEquals(server.socket, null);
    assert(await isAnswered(socket));
    assertEquals((await server.end("SIGTERM")).code, 0);
    assert((await Deno.lstat(socket)).isSocket);
  },
});

Deno.test("serve: metrics are served on loopback alone", async () => {
  await using temp = await tempDir();
  const args = ["--socket", temp.join("varve.sock")];
  {
    await using server = await served(temp.join("store"), {
      args: [...args, "--metrics", "127.0.0.1:0"],
    });
    const response = await fetch(server.metrics as string);
    assertMatch(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    assertStringIncludes(await response.text(), "\nvarve_jobs_running 0\n");
    const other = await fetch(new URL("/", server.metrics as string));
    await other.body?.cancel();
    assertEquals(other.status, 404);
  }
  const cli = new Cli(temp.join("store"));
  for (const address of ["0.0.0.0:0", "127.0.0.999:0"]) {
    const { code, stderr } = await cli.any(["serve", ...args, "--metrics", address]);
    assertEquals(code, 2);
    assertStringIncludes(
      stderr,
      `Cannot serve metrics on ${address}: it is no address of loopback, so other machines may reach it`,
    );
  }
  assertEquals((await cli.any(["serve", ...args, "--log", "xml"])).code, 2);
});

Deno.test("serve: the README quotes what --print-config and --print-units print", async () => {
  const readme = await Deno.readTextFile(README);
  const args = ["--root", "/var/lib/varve", "serve"];
  const config = await runCommand([...args, "--print-config", "1.7"]);
  assertEquals(config.code, 0);
  const platform = `linux/${Deno.build.arch === "aarch64" ? "arm64" : "amd64"}`;
  const shown = config.stdout.replaceAll(platform, "linux/amd64");
  assertStringIncludes(readme, `\`\`\`toml\n${shown}\`\`\`\n`);
  const units = await runCommand([...args, "--print-units"]);
  assertEquals(units.code, 0);
  assertStringIncludes(readme, `\`\`\`ini\n${units.stdout}\`\`\`\n`);
  const options = ["--metrics", "127.0.0.1:9253", "--adopt", "off", "--driver", "overlay"];
  const own = await runCommand([...args, ...options, "--print-units"]);
  const start = /^ExecStart=.* serve (.*)$/m.exec(own.stdout)?.[1];
  assertEquals(
    start,
    "--containerd /run/containerd/containerd.sock --adopt off --metrics 127.0.0.1:9253 --driver overlay",
  );
  const two = await runCommand([...args, "--print-config", "2"]);
  assertStringIncludes(two.stdout, "version = 3\n");
  assertStringIncludes(
    two.stdout,
    '[plugins."io.containerd.cri.v1.images"]\n  snapshotter = "varve"',
  );
  assertEquals((await runCommand([...args, "--print-config", "3"])).code, 2);
});
