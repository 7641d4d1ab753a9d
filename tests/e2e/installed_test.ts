/** The package from the network, as a registry serves it: cached for a container, and installed as a command. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const PROJECT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
/** Where Deno keeps modules, with the npm packages that are here already. */
const DENO_DIR = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;

/** Serves the shipped files of the project on loopback. */
function servePackage(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async ({ url }) => {
    const path = new URL(url).pathname;
    if (!/^\/(?:mod\.ts|deno\.json|lib\/.*|workers\/.*)$/.test(path)) {
      return new Response("", { status: 404 });
    }
    const type = path.endsWith(".json") ? "application/json" : "application/typescript";
    const body = await Deno.readFile(PROJECT + path);
    return new Response(body, { headers: { "content-type": type } });
  });
}

/** A cache of modules that has the npm packages, and nothing else. */
async function emptyCache(path: string): Promise<string> {
  await Deno.mkdir(path);
  await Deno.symlink(`${DENO_DIR}/npm`, `${path}/npm`);
  return path;
}

/** Writes a small archive. */
async function writeArchive(path: string): Promise<string> {
  const image = buildImage({
    name: "example.org/app:1",
    layers: [[{ name: "f" }], [{ name: "g" }]],
  });
  await Deno.writeFile(path, archiveTar(ociFiles([image])));
  return path;
}

Deno.test("a program that is cached runs with workers and --cached-only, as in the build of a container", async () => {
  await using temp = await tempDir();
  const archive = await writeArchive(temp.join("app.tar"));
  const env = { DENO_DIR: await emptyCache(temp.join("cache")), NO_COLOR: "1" };
  const program = temp.join("program.ts");
  const server = servePackage();
  const host = `127.0.0.1:${server.addr.port}`;
  await Deno.writeTextFile(
    program,
    `import { createPool, loadImages, openStore } from "http://${host}/mod.ts";
     await using pool = createPool();
     await using store = await openStore({ root: ${JSON.stringify(temp.join("store"))} });
     const [image] = await loadImages(store, ${JSON.stringify(archive)}, { pool });
     console.log(image?.names[0], pool.inline ? "without workers" : "in workers");`,
  );
  const options = ["--no-lock", "--config", `${PROJECT}/deno.json`];
  try {
    await run([Deno.execPath(), "cache", ...options, `--allow-import=${host}`, program], { env });
  } finally {
    await server.shutdown();
  }
  const { stdout, stderr } = await run(
    [Deno.execPath(), "run", "-A", "--cached-only", "--no-check", ...options, program],
    { env },
  );
  assertEquals([stdout, stderr], ["example.org/app:1 in workers\n", ""]);
});

Deno.test("the command is installed from the network by its configuration, and works with workers", async () => {
  await using temp = await tempDir();
  const archive = await writeArchive(temp.join("app.tar"));
  const env = {
    DENO_DIR: await emptyCache(temp.join("cache")),
    NO_COLOR: "1",
    VARVE_ROOT: temp.join("store"),
    VARVE_DURABILITY: "none",
  };
  const server = servePackage();
  const main = `http://127.0.0.1:${server.addr.port}/lib/cli/main.ts`;
  const config = ["--root", temp.join("installed"), "--config", `${PROJECT}/deno.json`];
  try {
    await run([Deno.execPath(), "install", "-gA", "-n", "varve", ...config, main], { env });
  } finally {
    await server.shutdown();
  }
  // Workers find their modules in the cache: the server is gone.
  const varve = temp.join("installed", "bin", "varve");
  const loaded = await run([varve, "--workers", "2", "load", archive], { env });
  assertStringIncludes(loaded.stdout, "2 verified now");
  assertEquals(loaded.stderr.match(/warning|error/i), null, loaded.stderr);
  const unpacked = await run([varve, "unpack", "example.org/app:1", temp.join("root")], { env });
  assertEquals(unpacked.stderr.match(/warning|error/i), null, unpacked.stderr);
  const names = (await Array.fromAsync(Deno.readDir(temp.join("root")))).map(({ name }) => name);
  assertEquals(names.sort(), ["f", "g"]);
});
