/** A change of a mounted image becomes an image, for varve and for everybody else. */
import { assert, assertEquals } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { archiveTar, buildImage, ociFiles } from "../support/images/images.ts";
import { needs, type Skip } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { aptChange } from "../support/peers/apt_change.ts";
import { startDocker } from "../support/peers/docker.ts";
import type { TarFixture } from "../support/tar/tar_fixture.ts";
import { differences } from "../support/trees/directory_differences.ts";

const MOUNT: Skip = needs({ root: true, mount: true });
const BASE = "example.org/base:1";
const APP = "example.org/app:1";

const LAYER: readonly TarFixture[] = [
  { name: "./" },
  { name: "etc/" },
  { name: "etc/package.conf", content: "old", xattrs: { "user.a": "1" } },
  { name: "etc/removed", content: "x" },
  { name: "etc/removed.d/" },
  { name: "etc/removed.d/x", content: "x" },
  { name: "etc/kept", content: "kept" },
  { name: "usr/" },
  { name: "usr/lib/" },
  { name: "usr/old", content: "old", mtime: "1600000000.123456789" },
];

/** A store with the image and its read-write snapshot `work`, mounted while `change` sees it. */
async function changed(
  temp: TempDir,
  store: string,
  change: (root: string) => unknown,
): Promise<Cli> {
  const varve = new Cli(temp.join(store));
  await Deno.writeFile(
    temp.join("base.tar"),
    archiveTar(ociFiles([buildImage({ name: BASE, layers: [LAYER] })])),
  );
  await varve.json(["load", temp.join("base.tar")]);
  const target = temp.join(`${store}-mnt`);
  await Deno.mkdir(target);
  await varve.json(["mount", BASE, target, "--rw", "work"]);
  await change(target);
  return varve;
}

Deno.test({
  name: "commit: a change with everything that a layer can hold is restored with equal attributes",
  ...MOUNT,
  async fn() {
    await using temp = await tempDir("varve-commit-");
    const varve = await changed(
      temp,
      "store",
      (root) => aptChange(root, { files: 300, sparse: 64 * 1024 * 1024 }),
    );
    // While it is mounted: the committed bytes are those that are seen there.
    const made = await varve.json(["commit", "work", APP]);
    assertEquals(made.layers.length, 1);
    assertEquals(made.warnings, []);
    const tar = temp.join("app.tar");
    await varve.json(["save", APP, "-o", tar]);
    const other = new Cli(temp.join("other"));
    await other.json(["load", tar]);
    await other.json(["unpack", APP, temp.join("root")]);
    assertEquals(differences(temp.join("store-mnt"), temp.join("root")), []);
    await Deno.mkdir(temp.join("mnt"));
    await other.json(["mount", APP, temp.join("mnt")]);
    assertEquals(differences(temp.join("store-mnt"), temp.join("mnt"), { links: false }), []);
    assertEquals(await varve.json(["diff", "work", APP]), []);
  },
});

Deno.test({
  name: "commit: the layer has exactly the change, according to tar and umoci",
  ...needs({ root: true, mount: true, tools: ["tar", "umoci"] }),
  async fn() {
    await using temp = await tempDir("varve-commit-");
    const varve = await changed(temp, "store", async (root) => {
      await Deno.writeTextFile(`${root}/etc/new`, "new");
      await Deno.remove(`${root}/etc/removed`);
      await Deno.remove(`${root}/etc/removed.d`, { recursive: true });
      await Deno.mkdir(`${root}/etc/removed.d`);
      // Copied up and as before: no change.
      await Deno.chmod(`${root}/usr/old`, 0o600);
      await Deno.chmod(`${root}/usr/old`, 0o644);
    });
    const { layers: [layer] } = await varve.json(["commit", "work", APP]);
    const file = temp.join("store", "content/blobs/sha256", layer.diffId.slice(7));
    const { stdout } = await run(["tar", "tf", file]);
    assertEquals(stdout.trim().split("\n"), [
      "etc/",
      "etc/.wh.removed",
      "etc/new",
      "etc/removed.d/",
      "etc/removed.d/.wh..wh..opq",
    ]);
    assertEquals(
      (await varve.json(["diff", "work"])).map((one: { kind: string; path: string }) =>
        `${one.kind} ${one.path}`
      ),
      [
        "modify /etc",
        "add /etc/new",
        "delete /etc/removed",
        "modify /etc/removed.d",
        "delete /etc/removed.d/x",
      ],
    );
    assertEquals(await varve.text(["diff", BASE, APP]), await varve.text(["diff", "work"]));
    await varve.json(["save", APP, "--oci-dir", temp.join("layout")]);
    const index = JSON.parse(await Deno.readTextFile(temp.join("layout", "index.json")));
    const tag = index.manifests[0].annotations["org.opencontainers.image.ref.name"];
    await run(["umoci", "unpack", "--image", `${temp.join("layout")}:${tag}`, temp.join("bundle")]);
    assertEquals(differences(temp.join("store-mnt"), temp.join("bundle/rootfs")), []);
  },
});

Deno.test({
  name: "commit: the same change and SOURCE_DATE_EPOCH give the same image anywhere",
  ...MOUNT,
  async fn() {
    await using temp = await tempDir("varve-commit-");
    const images = [];
    for (const [store, workers] of [["one", "1"], ["two", "8"]] as const) {
      const varve = await changed(temp, store, async (root) => {
        aptChange(root, { files: 60, sparse: 1024 * 1024 });
        // Whatever the clock gave is set.
        await run(["sh", "-c", `find "$0" -exec touch -h -d @1234567890.5 {} +`, root]);
      });
      const options = store === "one"
        ? ["--author", "me", "--message", "m", "--change", "ENV A=1"]
        : ["-a", "me", "-m", "m", "-c", "ENV A=1"];
      const args = ["--workers", workers, "commit", "work", APP, ...options];
      images.push(await varve.json(args, { env: { SOURCE_DATE_EPOCH: "1700000000" } }));
    }
    assertEquals(images[0].manifest, images[1].manifest);
    assertEquals(images[0].layers[0].diffId, images[1].layers[0].diffId);
  },
});

Deno.test({
  name: "commit: docker loads the image and sees its config and its files",
  ...needs({ root: true, mount: true, tools: ["dockerd", "docker"] }),
  async fn() {
    await using temp = await tempDir("varve-commit-");
    const varve = await changed(
      temp,
      "store",
      (root) => aptChange(root, { files: 60, sparse: 1024 * 1024 }),
    );
    const changes = ['CMD ["/bin/app"]', "EXPOSE 80", 'LABEL a="b c"', "USER 5"];
    const made = await varve.json([
      "commit",
      "work",
      APP,
      ...changes.flatMap((change) => ["--change", change]),
    ]);
    await varve.json(["save", APP, "-o", temp.join("app.tar")]);
    await using docker = await startDocker();
    const { command } = docker;
    await run([...command, "load", "-i", temp.join("app.tar")]);
    const [image] = JSON.parse((await run([...command, "inspect", APP])).stdout);
    assertEquals(image.RootFS.Layers.at(-1), made.layers[0].diffId);
    assertEquals(image.Config.Cmd, ["/bin/app"]);
    assertEquals(image.Config.User, "5");
    assertEquals(image.Config.Labels, { a: "b c" });
    assertEquals(Object.keys(image.Config.ExposedPorts), ["80/tcp"]);
    const { stdout } = await run([...command, "create", APP]);
    await run([...command, "export", "-o", temp.join("flat.tar"), stdout.trim()]);
    const names =
      (await run(["tar", "tf", temp.join("flat.tar"), "--quoting-style=escape"])).stdout;
    assert(names.includes("usr/lib/package-1/bin/"));
    assert(!names.includes("etc/removed"));
  },
});

Deno.test({
  name: "commit: failures have their own exit codes and leave nothing",
  ...MOUNT,
  async fn() {
    await using temp = await tempDir("varve-commit-");
    const varve = await changed(temp, "store", (root) => Deno.writeTextFile(`${root}/.wh.x`, ""));
    const before = await varve.json(["images"]);
    for (
      const [args, exit, env] of [
        [["commit", "none", APP], 4],
        [["commit", "work", "no:such:name"], 2],
        [["commit", "work", APP, "--change", "RUN x"], 2],
        [["commit", "work", APP], 2, { SOURCE_DATE_EPOCH: "yesterday" }],
        [["commit", "work", APP], 7],
        [["diff", "work"], 7],
        [["diff", "none"], 4],
      ] as const
    ) {
      const { code } = await varve.any(args, env === undefined ? {} : { env });
      assertEquals(code, exit, args.join(" "));
    }
    assertEquals(await varve.json(["images"]), before);
  },
});
