/** import, export, squash, rebase and append as users call them, and what others make of the results. */
import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { runCli } from "../../lib/cli/mod.ts";
import { Cli } from "../support/cli/cli.ts";
import { archiveTar, buildImage, type BuiltImage, ociFiles } from "../support/images/images.ts";
import { BASE, MIDDLE, sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { startDocker } from "../support/peers/docker.ts";
import { tarOf } from "../support/tar/tar_fixture.ts";
import { differences } from "../support/trees/directory_differences.ts";

const SAMPLE = "example.org/sample:1";
const LAYER = tarOf([{ name: "etc/.wh.passwd" }, { name: "srv/new", content: "new" }]);
const DATED = { env: { SOURCE_DATE_EPOCH: "1600000000" } };

/** A store with the sample image. */
async function withSample(
  temp: TempDir,
  root = "store",
  image: BuiltImage = sampleImage(),
): Promise<Cli> {
  const cli = new Cli(temp.join(root));
  await cli.text(["load", "-"], { stdin: archiveTar(ociFiles([image])) });
  return cli;
}

/** The command without a process of its own. */
function inProcess(root: string) {
  return async (args: readonly string[]) => {
    let [stdout, stderr] = ["", ""];
    const code = await runCli([...args, "--root", root, "--durability", "none", "--workers", "1"], {
      io: {
        env: () => undefined,
        stdout: (data) => Promise.resolve(void (stdout += String(data))),
        stderr: (text) => stderr += text,
        stdin: () => ReadableStream.from([]),
        isTerminal: () => false,
      },
    });
    return { code, stdout, stderr };
  };
}

/** A directory with a little of everything that a root filesystem has. */
async function rootfs(temp: TempDir): Promise<string> {
  const root = temp.join("rootfs");
  const script = `set -e
    mkdir -p etc bin var/empty srv/deep/er "odd name" && chmod 1777 var/empty && chmod 0711 .
    echo root:x:0:0::/root:/bin/sh > etc/passwd && chown 12:34 etc/passwd
    ln -s ../etc/passwd bin/link && ln etc/passwd srv/deep/er/twin && ln bin/link bin/linktwin
    printf data > bin/tool && chmod 4755 bin/tool
    mkfifo var/pipe && mknod var/null c 1 3
    truncate -s 300000 srv/sparse && printf end >> srv/sparse
    printf x > "$(printf 'odd name/latin-\\351')" && printf y > "odd name/.ünï"
    setfattr -n user.tag -v value etc/passwd && setfattr -n user.dir -v value srv
    setcap cap_net_bind_service=ep bin/tool
    touch -d '2001-02-03 04:05:06.123456789' bin/tool srv && touch -h -d @-5.5 bin/link
    touch -d '2020-01-01 00:00:00.5' .`;
  await Deno.mkdir(root);
  await run(["bash", "-c", script], { cwd: root });
  return root;
}

Deno.test({
  name: "import of a directory is what is there; export unpacks to the same with GNU tar",
  ...needs({ root: true, tools: ["tar", "setfattr", "setcap"] }),
  fn: async () => {
    await using temp = await tempDir();
    const cli = new Cli(temp.join("store"));
    const root = await rootfs(temp);
    await cli.json(["import", root, "app:1"]);
    await cli.json(["unpack", "app:1", temp.join("unpacked")]);
    assertEquals(differences(root, temp.join("unpacked")), []);
    const tar = temp.join("flat.tar");
    assertEquals(await cli.json(["export", "app:1", "-o", tar]), { exported: "app:1", to: tar });
    await Deno.mkdir(temp.join("gnu"));
    const flags = ["-p", "--same-owner", "--xattrs", "--xattrs-include=*"];
    await run(["tar", "-xf", tar, "-C", temp.join("gnu"), ...flags]);
    assertEquals(differences(root, temp.join("gnu")), []);
    // A tar of the same, imported, is the same image.
    await cli.json(["import", tar, "app:2"], DATED);
    assertEquals(await cli.json(["diff", "app:1", "app:2"]), []);
  },
});

Deno.test({
  name: "import: the same image in every store, with any number of workers",
  ...needs({ root: true, tools: ["setfattr", "setcap"] }),
  fn: async () => {
    await using temp = await tempDir();
    const root = await rootfs(temp);
    const ids = new Set<string>();
    for (const workers of ["1", "4"]) {
      const cli = new Cli(temp.join(`store-${workers}`), DATED);
      const args = ["--workers", workers, "--cmd", '["/bin/tool"]', "--env", "A=b c"];
      const { images } = await cli.json(["import", root, "app:1", ...args]);
      ids.add(images[0].manifest);
      const [{ created, config }] = [(await cli.json(["inspect", "app:1"])).config];
      assertEquals(created, "2020-09-13T12:26:40Z");
      assertEquals(config, { Cmd: ["/bin/tool"], Env: ["A=b c"] });
    }
    assertEquals(ids.size, 1);
  },
});

Deno.test("import: options become the config; a tar comes from standard input", async () => {
  await using temp = await tempDir();
  const cli = new Cli(temp.join("store"), DATED);
  const args = ["import", "-", "app:1", "--cmd", "echo $HOME", "--entrypoint", '["/init","-x"]'];
  const { images } = await cli.json(
    [...args, "--label", "b=2", "--label", "a=1=1", "--workdir", "/srv", "--user", "1:2"]
      .concat("--env", "A=1", "--env", "A=2", "--platform", "linux/arm64"),
    { stdin: LAYER },
  );
  assertEquals(images.length, 1);
  assertEquals(images[0].name, "docker.io/library/app:1");
  assertEquals(images[0].layers.length, 1);
  const { config } = await cli.json(["inspect", "app:1"]);
  assertEquals([config.architecture, config.os], ["arm64", "linux"]);
  assertEquals(config.config, {
    Cmd: ["/bin/sh", "-c", "echo $HOME"],
    Entrypoint: ["/init", "-x"],
    Env: ["A=2"],
    Labels: { a: "1=1", b: "2" },
    User: "1:2",
    WorkingDir: "/srv",
  });
});

Deno.test("failures have their exit codes, and leave nothing", async () => {
  await using temp = await tempDir();
  const cli = await withSample(temp);
  await Deno.writeFile(temp.join("layer.tar"), LAYER);
  await Deno.writeTextFile(temp.join("junk"), "no tar".repeat(200));
  const before = await cli.json(["images"]);
  const cases: [number, string[]][] = [
    [2, ["import", temp.join("layer.tar"), "Bad Name"]],
    [2, ["import", temp.join("layer.tar"), "app:1", "--env", "NOVALUE"]],
    [2, ["import", temp.join("layer.tar"), "app:1", "--workdir", "relative"]],
    [2, ["import", temp.join("layer.tar"), "app:1", "--platform", "no/such/thing/at/all"]],
    [4, ["import", temp.join("nowhere"), "app:1"]],
    [7, ["import", temp.join("junk"), "app:1"]],
    [4, ["export", "nothing:1", "-o", temp.join("out")]],
    [4, ["export", SAMPLE, "-o", temp.join("no", "such", "dir")]],
    [4, ["squash", "nothing:1", "app:1"]],
    [2, ["squash", SAMPLE, `app@${sampleImage().imageId}`]],
    [6, ["rebase", SAMPLE, "other:1", SAMPLE, "app:1"]],
    [4, ["rebase", SAMPLE, "nothing:1", SAMPLE, "app:1"]],
    [7, ["append", SAMPLE, temp.join("junk"), "app:1"]],
    [2, ["append", SAMPLE, temp.path, "app:1"]],
    [2, ["completions", "tcsh"]],
  ];
  await cli.text(["import", temp.join("layer.tar"), "other:1"]);
  const seen = new Set<number>();
  for (const [code, args] of cases) {
    // One of each code as a process, the others here: a process takes its time to start.
    const call = seen.has(code) ? inProcess(temp.join("store")) : cli.any.bind(cli);
    seen.add(code);
    const result = await call([...args, "--format", "json"]);
    assertEquals([result.code, result.stdout], [code, ""], args.join(" "));
    assertEquals(JSON.parse(result.stderr).error.exit, code);
  }
  const bad = await cli.any(["squash", SAMPLE, "a:1"], { env: { SOURCE_DATE_EPOCH: "soon" } });
  assertEquals(bad.code, 2);
  await cli.text(["rmi", "other:1"]);
  assertEquals(await cli.json(["images"]), before);
  const names: string[] = [];
  for await (const { name } of Deno.readDir(temp.path)) names.push(name);
  assertEquals(names.sort(), ["junk", "layer.tar", "store"]);
});

Deno.test("squash, append and rebase print what load prints, and the same images everywhere", async () => {
  await using temp = await tempDir();
  const seen = new Set<string>();
  for (const root of ["a", "b"]) {
    const cli = await withSample(temp, root);
    const stdin = archiveTar(ociFiles([
      buildImage({ name: "example.org/base:1", layers: [sampleImage().layers[0]!.tar] }),
      buildImage({ name: "example.org/base:2", layers: [LAYER] }),
    ]));
    await cli.text(["load", "-"], { stdin });
    const out = [
      await cli.json(["squash", SAMPLE, "small:1"], DATED),
      await cli.json(["append", SAMPLE, "-", "more:1"], { ...DATED, stdin: LAYER }),
      await cli.json(
        ["rebase", SAMPLE, "example.org/base:1", "example.org/base:2", "moved:1"],
        DATED,
      ),
    ];
    assertEquals(out.map(({ images: [{ layers }] }) => layers.length), [1, 4, 3]);
    for (const { images: [image] } of out) {
      assertEquals(Object.keys(image), [
        "name",
        "names",
        "imageId",
        "manifest",
        "chainId",
        "layers",
      ]);
      for (const { cacheId } of image.layers) assertEquals(cacheId > 0, true);
    }
    seen.add(JSON.stringify(out.map(({ images: [{ manifest, chainId }] }) => [manifest, chainId])));
    assertEquals(await cli.json(["diff", SAMPLE, "small:1"]), []);
    const changed = await cli.json(["diff", SAMPLE, "more:1"]);
    assertEquals(
      changed.map(({ kind, path }: { kind: string; path: string }) => `${kind} ${path}`),
      ["delete /etc/passwd", "add /srv", "add /srv/new"],
    );
  }
  assertEquals(seen.size, 1);
});

Deno.test({
  name: "export of a snapshot is what its mount shows",
  ...needs({ root: true, mount: true, tools: ["tar"] }),
  fn: async () => {
    await using temp = await tempDir();
    const cli = await withSample(temp);
    const dir = temp.join("mnt");
    await Deno.mkdir(dir);
    await cli.text(["mount", SAMPLE, dir, "--rw", "work"]);
    await Deno.remove(`${dir}/cache/three`);
    await Deno.writeTextFile(`${dir}/opt/app`, "changed");
    await Deno.mkdir(`${dir}/fresh`);
    await Deno.link(`${dir}/opt/app`, `${dir}/fresh/app`);
    const tar = await cli.any(["export", "work"]);
    assertEquals(tar.code, 0, tar.stderr);
    await Deno.mkdir(temp.join("gnu"));
    await Deno.writeFile(temp.join("flat.tar"), tar.bytes);
    const flags = ["-p", "--same-owner", "--xattrs", "--xattrs-include=*"];
    await run(["tar", "-xf", temp.join("flat.tar"), "-C", temp.join("gnu"), ...flags]);
    assertEquals(differences(dir, temp.join("gnu"), { links: false }), []);
    await cli.text(["umount", dir]);
    // The image that a commit makes exports to the same bytes; nothing is left of the reading.
    await cli.text(["commit", "work", "work-image:1"], DATED);
    const flat = await cli.any(["export", "work-image:1"]);
    assertEquals(flat.bytes, tar.bytes);
    assertNotEquals((await cli.any(["export", SAMPLE])).bytes, tar.bytes);
    for await (const { name } of Deno.readDir(temp.join("store/ingest"))) {
      assertMatch(name, /\.lock$/);
    }
  },
});

Deno.test({
  name: "skopeo, umoci and docker accept the images that append, squash and rebase make",
  ...needs({ root: true, mount: true, tools: ["skopeo", "umoci", "dockerd", "docker"] }),
  fn: async () => {
    await using temp = await tempDir();
    // umoci looks into etc/passwd, which the sample's last layer makes a directory.
    const cli = await withSample(
      temp,
      "store",
      sampleImage({ layers: [BASE, MIDDLE], packing: "gzip" }),
    );
    await cli.text(["squash", SAMPLE, "example.org/re:squashed"]);
    await cli.text(["append", SAMPLE, "-", "example.org/re:appended"], { stdin: LAYER });
    await cli.text(["import", "-", "example.org/re:imported", "--cmd", "true"], { stdin: LAYER });
    const tags = ["squashed", "appended", "imported"];
    const names = tags.map((tag) => `example.org/re:${tag}`);
    const ids = new Map<string, string>();
    for (const { name, imageId } of await cli.json(["images"])) ids.set(name, imageId);
    const layout = temp.join("layout");
    await cli.text(["save", ...names, "--oci-dir", layout]);
    await cli.text(["save", ...names, "-o", temp.join("all.tar")]);
    for (const tag of tags) {
      const inspected = await run(["skopeo", "inspect", "--config", `oci:${layout}:${tag}`]);
      const history = JSON.parse(inspected.stdout).history;
      assertMatch(history.at(-1).created_by, /^varve (squash|append|import)$/);
      const bundle = temp.join(`bundle-${tag}`);
      await run(["umoci", "unpack", "--image", `${layout}:${tag}`, bundle]);
    }
    // A squashed image has an entry of its own for each directory: nothing is left to differ in.
    await cli.text(["unpack", SAMPLE, temp.join("unpacked")]);
    assertEquals(differences(temp.join("unpacked"), temp.join("bundle-squashed", "rootfs")), []);
    await using docker = await startDocker();
    await run([...docker.command, "load", "-q", "-i", temp.join("all.tar")]);
    for (const name of names) {
      const { stdout } = await run([...docker.command, "image", "inspect", name]);
      assertEquals(JSON.parse(stdout)[0].Id, ids.get(name));
    }
    await run([...docker.command, "save", "-o", temp.join("docker.tar"), ...names]);
    const back = await new Cli(temp.join("other")).json(["load", temp.join("docker.tar")]);
    for (const { name, imageId } of back.images) assertEquals(imageId, ids.get(name), name);
    assertEquals(back.images.length, names.length);
  },
});

Deno.test({
  name: "bash completes verbs and names by the script",
  ...needs({ tools: ["bash"] }),
  fn: async () => {
    await using temp = await tempDir();
    const cli = await withSample(temp);
    const bin = temp.join("varve");
    const command = cli.command([]).map((word) => `'${word}'`).join(" ");
    await Deno.writeTextFile(bin, `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
    const script = `set -e; source <("$1" completions bash); compopt() { echo "$*"; }
      COMP_WORDBREAKS=$' \\t\\n:='
      for line in 'sq' 'squash example.org/sample:' '--format=j' 'load ' 'copy sto' 'copy store:'; do
        COMP_LINE="$1 $line" COMP_POINT=$((\${#1} + 1 + \${#line}))
        _varve; echo "[$line] \${COMPREPLY[*]}"
      done`;
    const { stdout } = await run(["bash", "-c", script, "bash", bin], {
      env: { VARVE_ROOT: temp.join("store"), VARVE_DURABILITY: "none" },
    });
    assertEquals(stdout.split("\n"), [
      "[sq] squash",
      "[squash example.org/sample:] 1",
      "[--format=j] json",
      "-o default",
      "[load ] ",
      "-o nospace",
      "[copy sto] store:",
      "[copy store:] example.org/sample:1",
      "",
    ]);
  },
});

for (const [shell, check] of [["zsh", "-n"], ["fish", "--no-execute"]] as const) {
  Deno.test({
    name: `${shell} reads the script`,
    ...needs({ tools: ["bash"] }),
    fn: async () => {
      await using temp = await tempDir();
      const script = await new Cli(temp.join("store")).text(["completions", shell]);
      assertMatch(script, /varve completions|completions (zsh|fish) --/);
      await Deno.writeTextFile(temp.join("script"), script);
      const found = await run(["bash", "-c", `command -v ${shell} || true`]);
      if (found.stdout !== "") await run([shell, check, temp.join("script")]);
    },
  });
}
