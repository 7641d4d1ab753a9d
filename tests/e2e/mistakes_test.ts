/** Typical mistakes of users. Each error has its exit code, names what it is about, says why, and says what to do next. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { commandOn } from "../support/cli/in_process.ts";
import {
  archiveTar,
  buildImage,
  dockerFiles,
  hybridFiles,
  ociFiles,
} from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";

/** A command line (`@` is the directory of the test), and parts of its message: the thing, the reason, the next step. */
type Mistake = readonly [args: string, exit: number, thing: string, reason: string, next: string];

const NO_TAR = "it is no tar, gzip or zstd archive";
const NOT_HERE = "'varve images' lists them";
const PULL = "to get an image from a registry: varve pull";
const UNREAD = "and only gzip, zstd and uncompressed tars are read";

const SOURCES: readonly Mistake[] = [
  ["load @text", 7, "load @text", NO_TAR, "give an OCI layout or a docker-archive"],
  ["load /etc/passwd", 7, "load /etc/passwd", NO_TAR, "give an OCI layout or a docker-archive"],
  ["import /etc/passwd x:1", 7, "import /etc/passwd", NO_TAR, "give a tar of files"],
  ["append app:1 @text x:1", 7, "append @text", NO_TAR, "give a tar of files"],
  ["load @short", 7, "load @short", NO_TAR, "give an OCI layout"],
  ["import @short x:1", 7, "import @short", NO_TAR, "give a tar of files"],
  ["load @text.gz", 7, "load @text.gz", "what it holds is no tar", "give an OCI layout"],
  ["import @text.gz x:1", 7, "@text.gz", "what it holds is no tar", "give a tar of files"],
  ["load @n.tar.xz", 7, "load @n.tar.xz", `it is xz, ${UNREAD}`, "xz -dc @n.tar.xz | varve load -"],
  ["import @n.tar.xz x:1", 7, "@n.tar.xz", "it is xz", "xz -dc @n.tar.xz | varve import - x:1"],
  ["load @n.zip", 7, "load @n.zip", "it is zip", "unzip -p @n.zip | varve load -"],
  ["append app:1 @n.zip x", 7, "@n.zip", "it is zip", "unzip -p @n.zip | varve append app:1 - x"],
  ["load @cut.tar", 7, "load @cut.tar", "truncated after 5000 bytes", "copy or download it again"],
  ["import @cut.tar x:1", 7, "@cut.tar", "truncated after 5000 bytes", "copy or download it again"],
  ["load @cut.tar.gz", 7, "load @cut.tar.gz", "its gzip stream ends", "copy or download it again"],
  ["load @empty", 7, "load @empty", "it is empty", "copy or download it again"],
  ["import @empty x:1", 7, "import @empty", "it is empty", "copy or download it again"],
  ["load @root.tar", 7, "load @root.tar", "neither an OCI layout", "varve import @root.tar NAME"],
  ["load @dir", 7, "load @dir", "neither an OCI layout", "varve import @dir NAME"],
  ["load @none.tar", 4, "load @none.tar", "there is no such file", "check the path"],
  ["load none.tar", 4, "load none.tar", "there is no such file", `starts at ${Deno.cwd()}`],
  ["load debian:12", 4, "load debian:12", "there is no such file", `${PULL} debian:12`],
  ["load ghcr.io/o/app", 4, "load ghcr.io/o/app", "no such file", `${PULL} ghcr.io/o/app`],
  ["import debian:12 x:1", 4, "import debian:12", "no such file", `${PULL} debian:12`],
  ["append app:1 @none x:1", 4, "append @none", "there is no such file", "check the path"],
  ["append app:1 @dir x:1", 2, "append @dir", "it is a directory", "give a tar of its files"],
  ["load docker://debian:12", 2, "docker://debian:12", "in a registry", "varve pull debian:12"],
  ["load docker-daemon:a:1", 2, "docker-daemon:a:1", "Docker", "docker save a:1 | varve load -"],
  ["load containers-storage:a", 2, "storage:a", "podman", "podman save a | varve load -"],
  ["load dir:@dir", 2, "dir:@dir", "this form is not read", "skopeo copy dir:@dir oci-archive:"],
  [
    "load https://x/a.tar",
    2,
    "https://x/a.tar",
    "a URL",
    "curl -fL https://x/a.tar | varve load -",
  ],
  [
    "load @skopeo",
    7,
    "load @skopeo",
    "not a list of images",
    "skopeo copy dir:DIR oci-archive:FILE",
  ],
  [
    "load @clash.tar",
    7,
    "load example.org/b:1",
    "this name to two images",
    "varve load oci:DIR:TAG",
  ],
  ["load oci:", 2, "load oci:", "it names no path", "write oci:PATH"],
  ["load oci:@dir", 7, "load @dir", "does not hold an OCI layout", "import it"],
  ["load oci-archive:@two.tar:no:1", 4, "no:1 of @two.tar", "no image of that name", "sample"],
  ["import oci:@dir x:1", 2, "import oci:@dir", "name of an image archive", "varve load oci:@dir"],
  ["import docker://debian x:1", 2, "docker://debian", "in a registry", "varve pull debian"],
  ["load @two.tar --name x:1", 2, "@two.tar", "it holds 2 images", "without a name, then tag"],
  [
    "load @one.tar --platform linux/arm64",
    7,
    "@one.tar",
    "expected linux/arm64, got linux/amd64",
    "leave --platform out, or give --platform linux/amd64",
  ],
];

const NAMES: readonly Mistake[] = [
  ["ls app:1:etc", 2, "app:1:etc", "a path begins with /", "write app:1:/etc"],
  ["cat app:1:etc/os", 2, "app:1:etc/os", "a path begins with /", "write app:1:/etc/os"],
  ["stat app:1:etc", 2, "app:1:etc", "a path begins with /", "write app:1:/etc"],
  ["ls localhost:5000/a:1:etc", 2, "a:1:etc", "a path begins with /", "localhost:5000/a:1:/etc"],
  ["ls app:1/etc", 4, "app:1/etc", "there is none", "a path is written app:1:/etc"],
  ["ls ghcr.io:443/o/app", 4, "ghcr.io:443/o/app", "there is none", "varve tags ghcr.io:443/o/app"],
  ["ls app:1:/none", 4, "/none in app:1", "no such path", "'varve tree app:1' shows all paths"],
  ["export app:1:/etc", 2, "app:1:/etc", "no path is taken here", "leave :/etc out"],
  ["mount app:1:/etc @dir", 2, "app:1:/etc", "no path is taken here", "leave :/etc out"],
  ["unpack app:1:/etc @dir", 2, "app:1:/etc", "no path is taken here", "leave :/etc out"],
  ["inspect App:1", 2, "App:1", "must be lower case", "write app:1"],
  ["tag app:1 my/app:1:2", 2, "my/app:1:2", "malformed", "a name is [HOST[:PORT]/]NAME"],
  ["tag none x:1", 4, '"none"', "there is none", `${NOT_HERE}, varve pull none`],
  ["run none", 125, '"none"', "there is none", `${NOT_HERE}, varve pull none`],
  ["history 1234abcd", 4, "1234abcd", "there is none", NOT_HERE],
  ["inspect oci:@dir", 7, "load @dir", "does not hold an OCI layout", "import it"],
  ["run oci:@dir", 2, "oci:@dir", "no path is taken here", "varve load oci:@dir"],
  ["save app:1 oci:@d", 2, "oci:@d", "no path is taken", "varve save app:1 --oci-dir @d"],
  [
    "push app:1 oci-archive:a.tar",
    2,
    "a.tar",
    "the name of an archive",
    "varve save app:1 -o a.tar",
  ],
  ["pull app.tar", 2, "app.tar", "without a repository", "to load a file: varve load app.tar"],
  ["pull @one.tar", 2, "@one.tar", "malformed", "to load a file: varve load @one.tar"],
  ["unpack docker://debian @new", 2, "docker://debian", "a scheme", "varve pull debian, then"],
  ["run docker://debian sh", 2, "docker://debian", "a scheme", "varve pull debian, then"],
  ["pull docker://debian", 2, "docker://debian", "begins with a scheme", "leave docker:// out"],
  ["pull ghcr.io", 2, "ghcr.io", "a registry without a repository", "write ghcr.io/NAME"],
  ["push app:1 localhost:5000", 2, "localhost:5000", "a registry", "write localhost:5000/app:1"],
  ["push app:1 ghcr.io", 2, "ghcr.io", "a registry", "write ghcr.io/app:1"],
  ["push app:1 registry:5000", 2, "registry:5000", "a registry", "write registry:5000/app:1"],
  ["copy a:1 localhost:5000", 2, "localhost:5000", "a registry", "write localhost:5000/a:1"],
  ["tags localhost:5000", 2, "localhost:5000", "a registry", "write localhost:5000/NAME"],
  ["digest ghcr.io", 2, "ghcr.io", "a registry", "write ghcr.io/NAME"],
  ["snapshot rm none", 4, '"none"', "no such snapshot", "'varve snapshot ls' lists them"],
  ["commit none x:1", 4, '"none"', "no such snapshot", "'varve snapshot ls' lists them"],
  ["save app:1 -o @none/x", 4, "@none/x", "no such directory", "make it first with mkdir -p"],
  ["save app:1 -o @dir", 5, "@dir", "it is a directory", "with --oci-dir"],
  ["unpack app:1 @root", 5, "@root", "not an empty directory", "that does not exist"],
  ["umount @dir", 4, "@dir", "nothing of this store is mounted", "'varve mount' lists"],
  ["umount @none", 4, "@none", "there is no such directory", "'varve mount' lists"],
  ["pull localhost:@port/x:1", 10, "x:1", "connection was refused", "check that the registry runs"],
  [
    "pull toml.example/x",
    7,
    "hosts.toml",
    "line 2, column 18: illegal character",
    "containerd's hosts.toml",
  ],
  ["pull key.example/x", 7, "hosts.toml", "line 3, column 3: capabilities", "containerd's hosts"],
];

const WORDS: readonly Mistake[] = [
  ["load", 2, "'source'", "missing required argument", "usage: varve load [options] <source>"],
  ["tag app:1", 2, "'destination'", "missing", "usage: varve tag [options] <source> <destination>"],
  ["snapshot rm", 2, "'key'", "missing", "usage: varve snapshot rm [options] <key...>"],
  ["load a b", 2, "'load'", "too many arguments", "usage: varve load [options] <source>"],
  ["ps -z", 2, "'-z'", "unknown option", "usage: varve ps [options]"],
  ["run -dit app:1", 2, "'-dit'", "unknown option", "varve has no daemon"],
  ["run -itd app:1", 2, "'-d'", "unknown option", "varve has no daemon"],
  ["run -p8080:80 app:1", 2, "'-p8080:80'", "unknown option", "network of the host"],
  ["run --net host app:1", 2, "'--net'", "unknown option", "--network host or none"],
  ["run --memory=1g app:1", 2, "'--memory=1g'", "unknown option", "varve sets no limits"],
  ["run --mount type=bind app:1", 2, "'--mount'", "unknown option", "-v SRC:DST[:ro]"],
  ["load -i a.tar", 2, "'-i'", "unknown option", "varve load FILE"],
  ["inspect --raw app:1", 2, "'--raw'", "unknown option", "varve manifest REF"],
  ["pull -q app:1", 2, "'-q'", "unknown option", "--quiet"],
  [
    "pull --tls-verify=false a",
    2,
    "'--tls-verify=false'",
    "unknown option",
    "varve help registries",
  ],
  ["login -p secret ghcr.io", 2, "'-p'", "unknown option", "--password-stdin"],
  ["append -f a.tar -b app:1", 2, "'-f'", "unknown option", "varve append BASE LAYER.tar NEW"],
  ["list-tags ghcr.io/o/app", 2, "'list-tags'", "unknown command", "varve tags REPOSITORY"],
  ["validate app:1", 2, "'validate'", "unknown command", "varve verify REF"],
  ["repack app:1", 2, "'repack'", "unknown command", "varve commit KEY REF"],
  ["config app:1", 2, "'app:1'", "unknown command", "varve inspect --format '{{.config}}' REF"],
  ["images -f x=1", 2, '"x=1"', "--filter", "dangling=true|false, reference=PATTERN, until=TIME"],
  ["load --plattform x", 2, "'--plattform'", "unknown option", "Did you mean --platform?"],
  ["lod x", 2, "'lod'", "unknown command", "Did you mean load?"],
  ["snapshot foo", 2, "'foo'", "unknown command", "'varve snapshot --help' lists the verbs"],
  ["rm work", 2, "'rm'", "unknown command", "varve snapshot rm KEY"],
  ["exec work sh", 2, "'exec'", "unknown command", "nsenter -t PID -a COMMAND"],
  ["kill work", 2, "'kill'", "unknown command", "kill PID"],
  ["system prune", 2, "'system'", "unknown command", "varve prune all"],
  ["manifest create a:1 b:1", 2, "'manifest'", "too many arguments", "varve index create"],
  ["image prune", 2, "'image'", "unknown command", "varve prune images"],
  ["image ls", 2, "'image'", "unknown command", "'varve images' lists images"],
  ["image rm app:1", 2, "'image'", "unknown command", "varve rmi REF"],
  ["--quiet container ls", 2, "'container'", "unknown command", "'varve ps' lists containers"],
  ["build .", 2, "'build'", "unknown command", "varve import and varve append make images"],
  ["logs work", 2, "'logs'", "unknown command", "keeps no output: 'varve run' prints it"],
  ["run -w etc app:1 sh", 2, "in etc", "not absolute", "begin the path with /"],
  ["run -e =x app:1 sh", 2, '"=x"', "it has no name", "write NAME=VALUE"],
  ["images --format xml", 2, '"xml"', "--format", "give text or json"],
  ["config get none", 2, '"none"', "no such setting", "'varve config ls' lists them"],
  ["import @root x:1 --env FOO", 2, '"FOO"', "it is not NAME=value", "write --env FOO=VALUE"],
  ["load @one.tar --platform a/b/c/d", 2, '"a/b/c/d"', "it is not os/arch", "such as linux/arm64"],
];

/** Puts the files of the test into a directory, and what a store needs into it. */
async function prepare(temp: TempDir, on: ReturnType<typeof commandOn>): Promise<void> {
  const write = (name: string, data: Uint8Array | string) =>
    Deno.writeFile(
      temp.join(name),
      typeof data === "string" ? new TextEncoder().encode(data) : data,
    );
  const tar = archiveTar(ociFiles([sampleImage()]));
  const other = buildImage({ name: "example.org/b:1", layers: [[{ name: "b", content: "b" }]] });
  await Deno.mkdir(temp.join("root/etc"), { recursive: true });
  await Deno.mkdir(temp.join("dir"));
  await write("root/etc/os", "x".repeat(9000));
  await Deno.mkdir(temp.join("skopeo"));
  await write("skopeo/version", "Directory Transport Version: 1.1\n");
  await write("skopeo/manifest.json", '{"schemaVersion":2,"config":{},"layers":[]}');
  await write("text", "no archive, but as long as one\n".repeat(40));
  await write("text.gz", await gzipped(await Deno.readFile(temp.join("text"))));
  await write("short", "#!/bin/sh\n");
  await write("empty", "");
  await write("n.tar.xz", new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, ...Array(600).fill(1)]));
  await write("n.zip", new Uint8Array([0x50, 0x4b, 3, 4, ...Array(600).fill(1)]));
  await write("one.tar", tar);
  const named = buildImage({ name: "example.org/b:1", layers: [[{ name: "n", content: "n" }]] });
  await write("clash.tar", archiveTar(ociFiles([other, named])));
  await write("two.tar", archiveTar(hybridFiles([sampleImage(), other])));
  await write("cut.tar.gz", (await gzipped(tar)).subarray(0, 300));
  for (
    const [host, text] of [
      ["toml.example", 'server = "https://x"\n[host."https://y"\n  ca = "a"\n'],
      ["key.example", 'server = "https://x"\n[host."https://y"]\n  capabilities = "pull"\n'],
    ] as const
  ) {
    await Deno.mkdir(temp.join(`hosts/${host}`), { recursive: true });
    await write(`hosts/${host}/hosts.toml`, text);
  }
  assertEquals((await on(["import", temp.join("root"), "app:1"])).code, 0);
  assertEquals((await on(["export", "app:1", "-o", temp.join("root.tar")])).code, 0);
  await write("cut.tar", (await Deno.readFile(temp.join("root.tar"))).subarray(0, 5000));
}

async function gzipped(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A port of this machine on which nothing listens. */
function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test({
  name: "typical mistakes: the exit code, the thing, the reason and the next step",
  // Warnings of the last cases may come from requests that were refused.
  sanitizeResources: false,
  fn: async () => {
    await using temp = await tempDir("varve-mistakes-");
    const on = commandOn(temp.join("store"));
    await prepare(temp, on);
    const env = { VARVE_HOSTS_DIR: temp.join("hosts"), HOME: temp.join("home") };
    const port = String(closedPort());
    const filled = (text: string) => text.replaceAll("@port", port).replaceAll("@", temp.join(""));
    const mistakes = [...SOURCES, ...NAMES, ...WORDS];
    assert(mistakes.length >= 60);
    for (const [line, exit, ...parts] of mistakes) {
      const args = line.split(" ").map(filled);
      const { code, stdout, stderr } = await on(["--progress", "none", ...args], { env });
      assertEquals([code, stdout], [exit, ""], `${line}: ${stderr}`);
      assertEquals(stderr.match(/^varve: Cannot [^\n]+\n$/)?.length, 1, `${line}: ${stderr}`);
      for (const part of parts) assertStringIncludes(stderr, filled(part), line);
    }
  },
});

Deno.test("an error about a layer names the layer and its archive, and is not about the archive", async () => {
  await using temp = await tempDir("varve-mistakes-");
  const on = commandOn(temp.join("store"));
  const [xz, zip] = [[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], [0x50, 0x4b, 3, 4]];
  const bodies: [bytes: number[], reason: string][] = [
    [[...xz, ...Array(1018).fill(1)], "it is xz"],
    [[...zip, ...Array(1020).fill(1)], "it is zip"],
    [Array(1024).fill(65), "the uncompressed bytes have"],
    [Array(100).fill(65), "the uncompressed bytes have"],
  ];
  for (const [bytes, reason] of bodies) {
    const files = new Map(dockerFiles([sampleImage()]));
    const layer = [...files.keys()].find((name) => name.endsWith("/layer.tar")) ?? "";
    files.set(layer, new Uint8Array(bytes));
    await Deno.writeFile(temp.join("a.tar"), archiveTar(files));
    const { code, stderr } = await on(["load", temp.join("a.tar"), "--progress", "none"]);
    assertEquals(code, 7, stderr);
    assertMatch(stderr, /^varve: Cannot load \/[^ ]+\/a\.tar: cannot \w+ layer [^ ]+/);
    assertStringIncludes(stderr, reason);
    assertEquals(/varve load -|no tar, gzip|copy or download/.test(stderr), false, stderr);
  }
});

Deno.test("a variable with a wrong value is named, and what is possible", async () => {
  await using temp = await tempDir("varve-mistakes-");
  const on = commandOn(temp.join("store"));
  await Deno.writeTextFile(temp.join("auth.json"), "{bad");
  const cases: [name: string, value: string, args: string[], exit: number, parts: string[]][] = [
    ["VARVE_WORKERS", "0", ["images"], 2, ["for VARVE_WORKERS: give a number from 1 to 256"]],
    ["VARVE_DRIVER", "foo", ["images"], 2, ["for VARVE_DRIVER: give auto or erofs"]],
    ["VARVE_DURABILITY", "x", ["images"], 2, ["for VARVE_DURABILITY: give full or none"]],
    ["VARVE_INFLATE", "x", ["images"], 2, ["for VARVE_INFLATE: give auto or isal"]],
    ["REGISTRY_AUTH_FILE", temp.join("auth.json"), ["pull", "localhost:1/x"], 7, [
      `from ${temp.join("auth.json")}: it is not strict JSON`,
      "repair or remove the file, then log in again",
    ]],
  ];
  for (const [name, value, args, exit, parts] of cases) {
    const { code, stderr } = await on(args, { env: { [name]: value } });
    assertEquals(code, exit, stderr);
    for (const part of parts) assertStringIncludes(stderr, part);
  }
});

Deno.test("the next step of a mistake is in the JSON of the error, too", async () => {
  await using temp = await tempDir("varve-mistakes-");
  const on = commandOn(temp.join("store"));
  const { stderr } = await on(["load", "debian:12", "--format", "json"]);
  const { error } = JSON.parse(stderr);
  assertEquals([error.code, error.exit, error.subject], ["E_NOT_FOUND", 4, "debian:12"]);
  assertStringIncludes(error.hint, "varve pull debian:12");
});
