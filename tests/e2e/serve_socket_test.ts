/** Who may use the socket of `varve serve`, where it may be, what is declined on it, and what a start costs. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createGrpcClient } from "../../lib/containerd/grpc/grpc_client.ts";
import { Diff } from "../../lib/containerd/proto/generated/diff_pb.ts";
import { Snapshots } from "../../lib/containerd/proto/generated/snapshots_pb.ts";
import { isVarveError } from "../../lib/errors.ts";
import { openStore } from "../../lib/store/mod.ts";
import { Cli } from "../support/cli/cli.ts";
import { served } from "../support/containerd/served.ts";
import { cpuTimeOf } from "../support/machine/cpu_time.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

Deno.test("serve: a directory or a link at the socket's path stays as it is", async () => {
  await using temp = await tempDir();
  await Deno.mkdir(temp.join("directory"));
  await Deno.writeTextFile(temp.join("directory/kept"), "kept");
  await Deno.symlink("directory/kept", temp.join("link"));
  const cli = new Cli(temp.join("store"));
  for (const [name, kind] of [["directory", "a directory"], ["link", "a link"]] as const) {
    const { code, stderr } = await cli.any(["serve", "--socket", temp.join(name)]);
    assertEquals(code, 5);
    assertStringIncludes(stderr, `Cannot listen on ${temp.join(name)}: it is ${kind}`);
  }
  assertEquals(await Deno.readTextFile(temp.join("link")), "kept");
  assertEquals((await Array.fromAsync(Deno.readDir(temp.path))).map(({ name }) => name).sort(), [
    "directory",
    "link",
    "store",
  ]);
});

const CONNECT = `
import socket, sys
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
    print("connected")
except OSError as error:
    print(error.strerror)
`;

Deno.test({
  name: "serve: another user cannot open the socket",
  ...needs({ root: true, tools: ["python3", "setpriv"] }),
  fn: async () => {
    await using temp = await tempDir();
    // Only the mode of the socket itself is left to keep others out.
    await Deno.chmod(temp.path, 0o755);
    const socket = temp.join("varve.sock");
    await using _ = await served(temp.join("store"), { args: ["--socket", socket] });
    const connect = ["/usr/bin/python3", "-c", CONNECT, socket];
    const nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    assertEquals((await run([...nobody, ...connect])).stdout, "Permission denied\n");
    assertEquals((await run(connect)).stdout, "connected\n");
  },
});

Deno.test("serve: Apply and Diff decline mounts that are not those of a snapshot", async () => {
  await using temp = await tempDir();
  const [root, socket] = [temp.join("store"), temp.join("varve.sock")];
  await using _ = await served(root, { args: ["--socket", socket] });
  using client = await createGrpcClient(socket);
  const { prepare } = Snapshots.method;
  const { mounts: [own] } = await client.unary(prepare, { key: "default/1/own" });
  assert(own !== undefined);
  const { type, source, target, options } = own;
  const bind = (path: string) => ({ type: "bind", source: path, target: "", options: ["rw"] });
  const foreign = [
    { type, source, target, options: [...options, "volatile"] },
    { type, source, target: "etc", options },
    { type: type === "bind" ? "overlay" : "bind", source, target, options },
    ...[
      `${root}/snapshots/1/fs`,
      `${root}/snapshots/999/fs`,
      `${root}/snapshots/1/../1/fs`,
      `${root}/snapshots/1`,
      `${root}/layers/1/fs`,
      `${root}/mounts/1`,
      `${root}/content`,
      root,
      "/etc",
    ].map((path) => {
      const mount = bind(path);
      return own.type === "bind" ? { ...mount, options: [...mount.options, "sync"] } : mount;
    }),
    ...["snapshots/999/fs", "snapshots/1/../1/fs", "layers/1/fs"].map((path) => ({
      type: "overlay",
      source: "overlay",
      target: "",
      options: [`upperdir=${root}/${path}`, `workdir=${root}/snapshots/1/work`],
    })),
  ];
  const diff = { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: DIGEST, size: 1n };
  const codeOf = async (call: Promise<unknown>) => {
    const error = await call.then(() => undefined, (error) => error);
    return isVarveError(error) ? error.code : Deno.inspect(error);
  };
  for (const mount of foreign) {
    for (const mounts of [[mount], [own, mount]]) {
      const apply = client.unary(Diff.method.apply, { diff, mounts });
      assertEquals(await codeOf(apply), "E_UNSUPPORTED", Deno.inspect(mounts));
      const made = client.unary(Diff.method.diff, { left: [], right: mounts });
      assertEquals(await codeOf(made), "E_UNSUPPORTED", Deno.inspect(mounts));
    }
  }
  // The right mounts are taken: it then misses containerd, which has the blob.
  assertEquals(await codeOf(client.unary(Diff.method.apply, { diff, mounts: [own] })), "E_BUSY");
});

const DIGEST = `sha256:${"0".repeat(64)}`;

/** Rows of a store that has many. */
const ROWS = 10_000;
/**
 * How many more CPU seconds a start may take with them. A start takes less than one; where others have the cores it is
 * more by chance, so the best of some starts counts. Work for each row is seconds.
 */
const MORE = 0.5;

Deno.test("serve: a start costs the same with many rows, also after a kill", async () => {
  await using temp = await tempDir();
  await (await openStore({ root: temp.join("few") }))[Symbol.asyncDispose]();
  {
    await using store = await openStore({ root: temp.join("many") });
    store.snapshots.in("containerd").transact((table) => {
      const rest = { cacheId: null, usage: null, createdAt: 1, updatedAt: 1, labels: {} };
      for (let i = 0; i < ROWS; i++) {
        table.put({ ...rest, key: `d/${i}/r`, kind: "view", parent: null, diffId: null });
      }
    });
  }
  const socket = temp.join("varve.sock");
  const costs = async (name: string): Promise<number> => {
    const all: number[] = [];
    for (const signal of ["SIGKILL", "SIGKILL", "SIGKILL", "SIGTERM"] as const) {
      const daemon = await served(temp.join(name), { args: ["--socket", socket] });
      using client = await createGrpcClient(socket);
      await client.unary(Snapshots.method.stat, { key: "d/7/r" }).catch(() => {});
      all.push(await cpuTimeOf(daemon.pid) / 1000);
      client[Symbol.dispose]();
      await daemon.end(signal);
    }
    // The first one made what a new store lacks; all others come after a kill.
    return Math.min(...all.slice(1));
  };
  const [few, many] = [await costs("few"), await costs("many")];
  assert(many <= few + MORE, `${many} CPU seconds with many rows, ${few} with few`);
});
