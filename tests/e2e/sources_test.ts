/** Verbs that read an image from where it is: an archive, an OCI layout, a registry. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { commandOn } from "../support/cli/in_process.ts";
import { flipByte } from "../support/images/flip_byte.ts";
import {
  archiveTar,
  blobPath,
  buildImage,
  describe,
  dockerFiles,
  hybridFiles,
  jsonBytes,
  ociFiles,
  pack,
  writeArchive,
} from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { run } from "../support/machine/process.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { servedStore } from "../support/registry/served_store.ts";

const APP = "example.org/app:1";
const INDEX = "application/vnd.oci.image.index.v1+json";

/** The sample image as an archive of both forms and as a layout, and in a store. */
async function fixture(temp: TempDir) {
  const image = sampleImage({ name: APP });
  await Deno.writeFile(temp.join("both.tar"), archiveTar(hybridFiles([image])));
  await Deno.writeFile(temp.join("docker.tgz"), pack(archiveTar(dockerFiles([image])), "gzip"));
  await writeArchive(temp.join("layout"), ociFiles([image]));
  const varve = commandOn(temp.join("store"));
  const { code, stderr } = await varve(["load", temp.join("both.tar")]);
  assertEquals(code, 0, stderr);
  return { image, varve, sources: sourcesIn(temp) };
}

function sourcesIn(temp: TempDir): string[] {
  return [
    `docker-archive:${temp.join("both.tar")}`,
    `docker-archive:${temp.join("docker.tgz")}`,
    `oci-archive:${temp.join("both.tar")}`,
    `oci:${temp.join("layout")}`,
  ];
}

/** Command lines that read `@`, which is the image; those that read only documents are apart. */
const READS = [
  "ls @:/etc",
  "ls -l @:/bin",
  "cat @:/bin/tool",
  "stat @:/bin/tool",
  "find @ -type f",
  "du @",
  "grep root @:/",
  "tree @",
  "diff @",
  "diff @ @",
];

Deno.test("each source gives what the store gives, and nothing enters a store", async () => {
  await using temp = await tempDir("varve-sources-");
  const { varve, sources } = await fixture(temp);
  await using server = await servedStore(temp.join("store"));
  const none = commandOn(temp.join("none"));
  const report = async (on: typeof varve, name: string) => {
    const { stdout, stderr } = await on(["explore", name, "--format", "json"]);
    const { source, store, ...rest } = JSON.parse(stdout || stderr);
    return { source, store, rest };
  };
  const page = async (on: typeof varve, name: string) => {
    const file = temp.join("page.html");
    const { code, stderr } = await on(["explore", name, "-o", file]);
    assertEquals(code, 0, stderr);
    const html = await Deno.readTextFile(file);
    // Only where the image comes from, and what it takes in a store, may differ.
    return html.replace(JSON.stringify(name), '""').replace(/"store":(?:null|\{[^}]*\})/, "");
  };
  const { rest } = await report(varve, APP);
  const expected = await page(varve, APP);
  for (const source of [...sources, `docker://${server.host}/${APP}`]) {
    const found = await report(none, source);
    assertEquals(found.rest, rest, source);
    assertEquals(await page(none, source), expected, source);
    assertEquals([found.source.kind, found.source.name, found.store], [
      source.slice(0, source.indexOf(":")),
      source,
      null,
    ]);
    // All verbs open a source in the same way.
    for (const line of source === sources[0] ? READS : READS.slice(0, 1)) {
      const [own, other] = [APP, source].map((name) =>
        line.split(" ").map((word) => word.replaceAll("@", name))
      ) as [string[], string[]];
      const [wanted, actual] = [await varve(own), await none(other)];
      assertEquals(actual.code, wanted.code, `${other.join(" ")}: ${actual.stderr}`);
      const said = actual.stdout.replaceAll(source, APP);
      assertEquals(said, wanted.stdout, other.join(" "));
    }
  }
  assertEquals(await exists(temp.join("none")), false);
});

Deno.test("cp copies out of a source where there is no store, too", async () => {
  await using temp = await tempDir("varve-sources-");
  const { varve, sources } = await fixture(temp);
  const none = commandOn(temp.join("none"));
  const wanted = (await varve(["cat", `${APP}:/bin/tool`])).stdout;
  for (const [i, source] of sources.entries()) {
    const { code, stderr } = await none(["cp", `${source}:/bin`, temp.join(`bin-${i}`)]);
    assertEquals(code, 0, stderr);
    assertEquals(await Deno.readTextFile(temp.join(`bin-${i}/tool`)), wanted);
  }
  assertEquals((await none(["images"])).code, 4);
  // A store that is there still takes no files of others.
  const inside = temp.join("store/layers/x");
  assertEquals((await varve(["cp", `${sources[0]}:/bin`, inside])).code, 2);
});

Deno.test("inspect, history and layers say of a source what they say of the store, without its layers", async () => {
  await using temp = await tempDir("varve-sources-");
  const { image, varve, sources } = await fixture(temp);
  for (const { descriptor: { digest } } of image.layers) {
    await flipByte(temp.join(`layout/${blobPath(digest)}`));
  }
  const none = commandOn(temp.join("none"));
  const json = async (on: typeof varve, verb: string, name: string) => {
    const { stdout, stderr } = await on([verb, name, "--format", "json"]);
    return JSON.parse(stdout || stderr);
  };
  for (const source of sources) {
    for (const verb of ["inspect", "history", "layers"]) {
      const [own, other] = [await json(varve, verb, APP), await json(none, verb, source)];
      // A docker-archive has no manifest; and what only the bytes of a layer tell is not known.
      const unknown = ["size", "uncompressedSize", "entries", "treeDigest", "cacheId", "target"];
      const drop = source.startsWith("docker-archive")
        ? [...unknown, "manifest", "digest", "mediaType"]
        : unknown;
      const known = (value: unknown) =>
        JSON.stringify(value, (key, one) => drop.includes(key) ? undefined : one);
      assertEquals(known(other), known(own), `${verb} ${source}`);
    }
  }
  // Other verbs read the layers, and prove them.
  const broken = await none(["ls", `oci:${temp.join("layout")}`]);
  assertEquals([broken.code, broken.stdout], [7, ""]);
});

Deno.test("layers of a docker-archive: the digests of blobs are those that a load gives", async () => {
  await using temp = await tempDir("varve-sources-");
  const { varve } = await fixture(temp);
  const docker = await varve(["load", temp.join("docker.tgz"), "--name", "docker:1"]);
  assertEquals(docker.code, 0, docker.stderr);
  const digests = async (name: string) =>
    JSON.parse((await varve(["layers", name, "--format", "json"])).stdout).map(
      ({ digest, mediaType, size }: Record<string, unknown>) => [digest, mediaType, size],
    );
  const expected = await digests("docker:1");
  assertEquals(await digests(`docker-archive:${temp.join("docker.tgz")}`), expected);
  assertEquals(await digests(`docker-archive:${temp.join("both.tar")}`), expected);
});

Deno.test("a registry is asked for manifest and config alone by inspect, history and layers", async () => {
  await using temp = await tempDir("varve-sources-");
  const { image } = await fixture(temp);
  await using server = await servedStore(temp.join("store"));
  const asked: string[] = [];
  await using front = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname, search } = new URL(request.url);
      asked.push(pathname);
      const headers = new Headers(request.headers);
      headers.set("host", server.host);
      const { body, status, headers: said } = await fetch(`${server.url}${pathname}${search}`, {
        headers,
        method: request.method,
      });
      return new Response(body, { status, headers: said });
    },
  );
  const none = commandOn(temp.join("none"));
  const reference = `docker://127.0.0.1:${front.addr.port}/${APP}`;
  for (const verb of ["inspect", "history", "layers"]) {
    const { code, stderr } = await none([verb, reference]);
    assertEquals(code, 0, stderr);
  }
  const layers = image.layers.map(({ descriptor: { digest } }) => digest);
  assert(asked.some((path) => path.endsWith(image.imageId)));
  assertEquals(asked.filter((path) => layers.some((digest) => path.endsWith(digest))), []);
  assertEquals((await none(["ls", `${reference}:/etc`])).code, 0);
  assertEquals(layers.filter((digest) => !asked.some((path) => path.endsWith(digest))), []);
});

Deno.test("of several images a name chooses one, and of several platforms that of this machine", async () => {
  await using temp = await tempDir("varve-sources-");
  const none = commandOn(temp.join("none"));
  const text = (name: string, content: string) =>
    buildImage({ name, layers: [[{ name: "text", content }]] });
  const two = [text("example.org/a:1", "a"), text("example.org/b:1", "b")];
  await Deno.writeFile(temp.join("two.tar"), archiveTar(hybridFiles(two)));
  for (const form of ["oci-archive", "docker-archive"]) {
    const source = `${form}:${temp.join("two.tar")}`;
    const both = await none(["ls", source]);
    assertEquals(both.code, 2, both.stderr);
    assertMatch(both.stderr, /two\.tar: it holds 2 images \(name one of them: example\.org\/a:1, /);
    assertEquals((await none(["cat", `${source}:example.org/b:1:/text`])).stdout, "b");
    assertEquals((await none(["cat", `${source}:example.org/c:1:/text`])).code, 4);
  }
  const host = Deno.build.arch === "x86_64" ? "amd64" : "arm64";
  const other = host === "amd64" ? "arm64" : "amd64";
  const images = [other, host].map((architecture) =>
    buildImage({ layers: [[{ name: "text", content: architecture }]], config: { architecture } })
  );
  const index = jsonBytes({
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: images.map(({ descriptor }, i) => ({
      ...descriptor,
      platform: { os: "linux", architecture: i === 0 ? other : host },
    })),
  });
  const target = describe(INDEX, index);
  const files = new Map(ociFiles(images));
  files.set(blobPath(target.digest), index);
  files.set("index.json", jsonBytes({ schemaVersion: 2, mediaType: INDEX, manifests: [target] }));
  await writeArchive(temp.join("platforms"), files);
  const source = `oci:${temp.join("platforms")}`;
  const cat = (...more: string[]) => none(["cat", `${source}:/text`, ...more]);
  assertEquals((await cat()).stdout, host);
  assertEquals((await cat("--platform", `linux/${other}`)).stdout, other);
  assertEquals((await cat("--platform", "linux/s390x")).code, 7);
  // Only the platform that is read has to be there.
  await Deno.remove(temp.join(`platforms/${blobPath(images[1]?.descriptor.digest ?? "")}`));
  assertEquals((await cat()).stdout, other);
});

Deno.test("a source that is not there or is damaged: exit code, reason and next step", async () => {
  await using temp = await tempDir("varve-sources-");
  const { sources } = await fixture(temp);
  const none = commandOn(temp.join("none"));
  const file = temp.join("both.tar");
  const cases: readonly (readonly [args: string[], code: number, message: string])[] = [
    [["ls", `oci-archive:${temp.join("no.tar")}`], 4, "there is no such file (check the path)"],
    [["ls", "oci:"], 2, "it names no path (write oci:PATH)"],
    [["ls", "oci:/etc"], 7, "it does not hold an OCI layout"],
    [["ls", "docker://"], 2, "its repository name is malformed"],
    [["inspect", "docker-archive:/etc/passwd"], 7, "it is no tar, gzip or zstd archive"],
    [["ls", `oci-archive:${file}:/none`], 4, `'varve tree oci-archive:${file}' shows all paths`],
    [["ls", `oci-archive:${file}:none:/etc`], 4, "the archive has no image of that name"],
    [["diff", sources[0] as string, "app:1"], 4, "there is none"],
    [["mount", `oci-archive:${file}`, temp.path], 4, `varve load oci-archive:${file}`],
  ];
  for (const [args, code, message] of cases) {
    const said = await none(args);
    assertEquals([said.code, said.stdout], [code, ""], `${args.join(" ")}: ${said.stderr}`);
    assertStringIncludes(said.stderr.split("\n").at(-2) ?? "", message);
  }
  const bytes = await Deno.readFile(file);
  await Deno.writeFile(temp.join("cut.tar"), bytes.subarray(0, bytes.length / 2));
  const cut = await none(["explore", `oci-archive:${temp.join("cut.tar")}`]);
  assertEquals([cut.code, cut.stdout], [7, ""], cut.stderr);
});

Deno.test("settings of the store hold for a source", async () => {
  await using temp = await tempDir("varve-sources-");
  const { varve, sources } = await fixture(temp);
  assertEquals((await varve(["config", "set", "limits.layer.entries", "3"])).code, 0);
  const { code, stderr } = await varve(["ls", sources[0] as string]);
  assertEquals(code, 8, stderr);
});

/** A command that reads a source until it is killed, and a way to read others beside it. */
async function withReader(
  act: (tools: {
    readonly child: Deno.ChildProcess;
    /** Reads a file of another source. */
    readonly read: () => Promise<string>;
    /** How many temporary directories there are. */
    readonly left: () => Promise<number>;
  }) => Promise<void>,
): Promise<void> {
  await using temp = await tempDir("varve-sources-");
  const { sources } = await fixture(temp);
  await Deno.mkdir(temp.join("tmp"));
  const cli = new Cli(temp.join("none"), { env: { TMPDIR: temp.join("tmp") } });
  const fifo = temp.join("pipe.tar");
  await run(["mkfifo", fifo]);
  const [program = "", ...args] = cli.command(["explore", `oci-archive:${fifo}`]);
  const options = { args, env: cli.env, stdout: "null", stderr: "null" } as const;
  const child = new Deno.Command(program, options).spawn();
  // Opens when the command reads: it has its directory then.
  using _pipe = await Deno.open(fifo, { write: true });
  await act({
    child,
    read: () => cli.text(["cat", `${sources[0]}:/data/small`]),
    left: async () => (await Array.fromAsync(Deno.readDir(temp.join("tmp")))).length,
  });
}

Deno.test("the temporary directory is gone at the end, also after SIGINT", () =>
  withReader(async ({ child, read, left }) => {
    // That of another command, which is in use, stays.
    assertEquals(await read(), "s");
    assertEquals(await left(), 1);
    child.kill("SIGINT");
    assertEquals((await child.status).code, 130);
    assertEquals(await left(), 0);
  }));

Deno.test("J02: the temporary directory of a killed command is gone after the next one", () =>
  withReader(async ({ child, read, left }) => {
    assertEquals(await left(), 1);
    child.kill("SIGKILL");
    await child.status;
    assertEquals(await left(), 1);
    assertEquals(await read(), "s");
    assertEquals(await left(), 0);
  }));

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
