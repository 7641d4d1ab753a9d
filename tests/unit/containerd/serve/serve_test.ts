import { assert, assertEquals, assertRejects } from "@std/assert";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { serveContainerd } from "../../../../lib/containerd/mod.ts";
import { VarveError } from "../../../../lib/errors.ts";
import { createPool, type Pool } from "../../../../lib/pool/mod.ts";
import { type DiskStore, openMemoryStore, openStore } from "../../../../lib/store/mod.ts";
import { type TempDir, tempDir } from "../../../support/machine/temp_dir.ts";

interface Bench extends AsyncDisposable {
  readonly dir: TempDir;
  readonly store: DiskStore;
  readonly pool: Pool;
  serve(socket: string): Promise<AsyncDisposable>;
}

async function bench(name = "store"): Promise<Bench> {
  const stack = new AsyncDisposableStack();
  const dir = stack.use(await tempDir());
  const store = stack.use(await openStore({ root: dir.join(name) }));
  const pool = stack.use(createPool({ inline: true }));
  return {
    dir,
    store,
    pool,
    serve: (socket) => serveContainerd(store, { socket, containerd: dir.join("none.sock"), pool }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function failure(work: () => Promise<unknown>): Promise<VarveError> {
  return await assertRejects(work, VarveError);
}

/** Whether somebody accepts a connection there. */
async function answers(path: string): Promise<boolean> {
  const socket: Socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

Deno.test("the socket listens with mode 0600, and goes when the server ends", async () => {
  await using it = await bench();
  const path = it.dir.join("varve.sock");
  const umask = Deno.umask();
  {
    await using _ = await it.serve(path);
    const { isSocket, mode } = await Deno.lstat(path);
    assertEquals([isSocket, (mode as number) & 0o777], [true, 0o600]);
    assert(await answers(path));
    assertEquals(Deno.umask(), umask);
  }
  assertEquals(names(it.dir.path), ["store"]);
});

Deno.test("a dead socket is replaced", async () => {
  await using it = await bench();
  const path = it.dir.join("varve.sock");
  const dead = createServer().listen(it.dir.join("bound"));
  await once(dead, "listening");
  await Deno.rename(it.dir.join("bound"), path);
  dead.close();
  await once(dead, "close");
  assertEquals(await answers(path), false);
  await using _ = await it.serve(path);
  assert(await answers(path));
});

Deno.test("a file, a directory, a link and a live socket stay as they are", async () => {
  await using it = await bench();
  const { dir } = it;
  await Deno.writeTextFile(dir.join("file"), "kept");
  await Deno.mkdir(dir.join("directory"));
  await Deno.symlink("nowhere", dir.join("link"));
  for (
    const [name, kind] of [["file", "a file"], ["directory", "a directory"], ["link", "a link"]]
  ) {
    const error = await failure(() => it.serve(dir.join(name as string)));
    assertEquals(
      [error.code, error.message],
      ["E_EXISTS", `Cannot listen on ${dir.join(name as string)}: it is ${kind}`],
    );
  }
  assertEquals(await Deno.readTextFile(dir.join("file")), "kept");
  const live = createServer((socket) => socket.destroy()).listen(dir.join("live"));
  await once(live, "listening");
  const error = await failure(() => it.serve(dir.join("live")));
  assertEquals(error.code, "E_BUSY");
  assert(error.message.endsWith("another process answers there"));
  assert(await answers(dir.join("live")));
  live.close();
  assertEquals(names(dir.path).filter((name) => name.includes(".")), []);
  // Nothing is left behind that would keep a good start from working.
  await using _ = await it.serve(dir.join("good"));
});

Deno.test("only one server at a time serves a store", async () => {
  await using it = await bench();
  {
    await using _ = await it.serve(it.dir.join("a.sock"));
    const error = await failure(() => it.serve(it.dir.join("b.sock")));
    assertEquals(error.code, "E_BUSY");
    assert(
      error.message.startsWith(`Cannot serve the store ${it.store.root}: process ${Deno.pid}`),
    );
    assertEquals(names(it.dir.path), ["a.sock", "store"]);
  }
  await using _ = await it.serve(it.dir.join("b.sock"));
});

Deno.test("a server that ends leaves the socket of its successor", async () => {
  await using it = await bench();
  await using other = await bench();
  const path = it.dir.join("varve.sock");
  const first = await it.serve(path);
  await Deno.remove(path);
  await using _ = await other.serve(path);
  await first[Symbol.asyncDispose]();
  assert(await answers(path));
});

Deno.test("paths that containerd cannot use are refused at the start", async () => {
  for (const name of ["a:b", "a,b", "a\\b"]) {
    await using it = await bench(name);
    const error = await failure(() => it.serve(it.dir.join("varve.sock")));
    assertEquals(error.code, "E_USAGE");
    assert(error.message.includes(`its path has a ${JSON.stringify(name[1])}`), error.message);
  }
  await using it = await bench();
  assertEquals((await failure(() => it.serve("relative.sock"))).code, "E_USAGE");
  assertEquals((await failure(() => it.serve(it.dir.join("x".repeat(108))))).code, "E_USAGE");
  assertEquals((await failure(() => it.serve(it.dir.join("no/no/dir.sock")))).code, "E_SYSCALL");
  await using _ = await it.serve(it.dir.join("new/varve.sock"));
});

Deno.test("a store without directories cannot be served", async () => {
  await using store = openMemoryStore();
  await using pool = createPool({ inline: true });
  const options = { socket: "/tmp/none", containerd: "/tmp/none", pool };
  assertEquals((await failure(() => serveContainerd(store, options))).code, "E_UNSUPPORTED");
});

function names(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}
