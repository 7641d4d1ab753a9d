/** What users of containerd do, with the real containerd and runc: varve is the snapshotter and the differ. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { archiveTar, buildImage, type BuiltImage, ociFiles } from "../../support/images/images.ts";
import { needs } from "../../support/machine/needs.ts";
import { run, runAny } from "../../support/machine/process.ts";
import { waitUntil } from "../../support/machine/wait.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import {
  boxOfTwo,
  extracted,
  importImage,
  NAME,
  pushedBox,
  RUN,
  SNAPSHOTTER,
  TRANSFER,
} from "../../support/peers/ctr_images.ts";
import { serveContainerdIn } from "../../support/peers/served_containerd.ts";
import { collect, nothingIn } from "../../support/peers/served_remains.ts";
import { DEBIAN_TOOLS, debianImage, unpackedListing } from "../../support/peers/debian.ts";
import { dockerRegistry, REGISTRY_TOOLS } from "../../support/registry/docker_registry.ts";
import { differences } from "../../support/trees/directory_differences.ts";
import { tarOf } from "../../support/tar/tar_fixture.ts";

const NEEDS = { root: true, mount: true, tools: ["containerd", "ctr", "runc", "busybox"] } as const;

Deno.test({
  name: "containerd imports, runs, shows and removes an image, and nothing of it remains",
  ...needs(NEEDS),
  fn: async (test) => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using served = await serveContainerdIn(temp.path);
    const image = await boxOfTwo();

    await test.step("an import extracts nothing", async () => {
      await importImage(served, temp, image);
      assertEquals(await extracted(served), []);
      const layers = await served.text(["snapshots", ...SNAPSHOTTER, "ls"]);
      for (const { chainId } of image.layers) assertStringIncludes(layers, chainId);
      const own = await served.varve.json(["snapshot", "ls"]);
      assertEquals(own.map(({ scope }: { scope: string }) => scope), ["containerd", "containerd"]);
    });

    await test.step("a container runs: output, exit code, and what the layers say", async () => {
      const command = "cat /etc/motd; ls / | wc -l; stat -c %a /srv; [ -e /noexec ] || exit 7";
      const { code, stdout } = await served.any([
        ...RUN,
        "--rm",
        NAME,
        "one",
        "sh",
        "-c",
        command,
      ]);
      assertEquals(code, 7);
      assertMatch(stdout, /^hello\n\d+\n750\n$/);
    });

    await test.step("what a container writes is its own", async () => {
      const write = "echo changed > /etc/motd; rm /etc/group; echo 1 > /srv/new";
      await served.text([...RUN, NAME, "two", "sh", "-c", write]);
      const usage = await served.text(["snapshots", ...SNAPSHOTTER, "usage", "-b", "two"]);
      assertMatch(usage, /^two\s+[1-9]\d*\s+[1-9]\d*\s*$/m);
      const other = await served.text([...RUN, "--rm", NAME, "three", "cat", "/etc/motd"]);
      assertEquals(other, "hello\n");
    });

    await test.step("snapshots of a user's own are listed, measured and removed", async () => {
      const snapshots = (...args: string[]) => served.any(["snapshots", ...SNAPSHOTTER, ...args]);
      const { chainId } = image;
      assertEquals((await snapshots("prepare", "own", chainId)).code, 0);
      const { stdout: list } = await snapshots("ls");
      assertMatch(list, new RegExp(`^own +${chainId} +Active *$`, "m"));
      assertMatch((await snapshots("usage", "-b", "own")).stdout, /^own +\d+ +1 *$/m);
      assertMatch((await snapshots("rm", chainId)).stderr, /cannot remove snapshot with child/);
      assertEquals((await snapshots("rm", "own")).code, 0);
      assertMatch((await snapshots("info", "own")).stderr, /not found/);
      assertMatch((await snapshots("rm", "own")).stderr, /not found/);
    });

    await test.step("a diff is a layer, and is applied again", async () => {
      const diff = ["snapshots", ...SNAPSHOTTER, "diff", "--keep"];
      const path = temp.join("diff.tar.gz");
      await run(["sh", "-c", `"$@" > ${path}`, "sh", ...served.ctr, ...diff, "two"]);
      const { stdout } = await run(["tar", "tzf", path]);
      // runc makes mount points as well.
      const names = stdout.trim().split("\n");
      for (const name of ["etc/", "etc/.wh.group", "etc/motd", "srv/", "srv/new"]) {
        assert(names.includes(name), stdout);
      }
      // As another image on the same layers: the blob is in containerd's store already.
      const more = await withLayer(image, await Deno.readFile(path), "example.org/box:2");
      await importImage(served, temp, more);
      const look = "cat /etc/motd; [ -e /etc/group ] || echo gone";
      const container = [...RUN, "--rm", "example.org/box:2", "four", "sh", "-c", look];
      assertEquals(await served.text(container), "changed\ngone\n");
    });

    await test.step("a restart of varve disturbs no container", async () => {
      await served.restart();
      // containerd waits up to three seconds until it connects again. Calls fail meanwhile.
      await waitUntil("containerd's connection to varve", async () => {
        const { code, stderr } = await served.any(["snapshots", ...SNAPSHOTTER, "info", "two"]);
        assert(code === 0 || stderr.includes("unavailable"), stderr);
        return code === 0;
      });
      const container = [...RUN, "--rm", NAME, "five", "cat", "/etc/motd"];
      assertEquals(await served.text(container), "hello\n");
    });

    await test.step("after the removal nothing remains", async () => {
      await served.text(["containers", "rm", "two"]);
      for (const name of [NAME, "example.org/box:2"]) {
        await served.text(["image", "rm", "--sync", name]);
      }
      await collect(served);
      const left = await served.text(["snapshots", ...SNAPSHOTTER, "ls"]);
      assertEquals(left.trim().split("\n").length, 1, left);
      await nothingIn(served);
    });
  },
});

/** The image with one more layer, whose blob is given. */
async function withLayer(
  image: BuiltImage,
  blob: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<BuiltImage> {
  const plain = new Blob([blob]).stream().pipeThrough(new DecompressionStream("gzip"));
  const tar = new Uint8Array(await new Response(plain).arrayBuffer());
  const tars = [...image.layers.map(({ tar }) => tar), tar];
  return buildImage({
    name,
    layers: tars,
    blobs: [...image.layers.map(({ blob }) => blob), blob],
  });
}

Deno.test({
  name: "containerd pushes to a registry and pulls from it, locally",
  ...needs({ ...NEEDS, tools: [...NEEDS.tools, ...REGISTRY_TOOLS] }),
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using registry = await dockerRegistry();
    await using served = await serveContainerdIn(temp.path);
    await importImage(served, temp, await boxOfTwo());
    const remote = `${registry.host}/box:1`;
    await served.text(["image", "push", "--plain-http", remote, NAME]);
    await served.text(["image", "rm", "--sync", NAME]);
    await collect(served);
    await served.text(["image", "pull", "--plain-http", ...SNAPSHOTTER, remote]);
    assertEquals(await extracted(served), []);
    assertEquals(await served.text([...RUN, "--rm", remote, "one", "cat", "/etc/motd"]), "hello\n");
    await served.text(["image", "rm", "--sync", remote]);
    await collect(served);
    await nothingIn(served);
  },
});

Deno.test({
  name: "containerd pulls by its transfer service",
  ...needs({ ...NEEDS, tools: [...NEEDS.tools, ...REGISTRY_TOOLS] }),
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using registry = await dockerRegistry({ tls: true });
    await using served = await serveContainerdIn(temp.path, {
      env: { SSL_CERT_FILE: registry.ca },
    });
    const { remote } = await pushedBox(served, temp, registry);
    await served.text([...TRANSFER, remote]);
    assertEquals(await extracted(served), []);
    assertEquals(await served.text([...RUN, "--rm", remote, "one", "cat", "/etc/motd"]), "hello\n");
    await served.text(["image", "rm", "--sync", remote]);
    await collect(served);
    await nothingIn(served);
  },
});

Deno.test({
  name: "a pull does not fetch layers that the store holds, where --adopt says so",
  ...needs({ ...NEEDS, tools: [...NEEDS.tools, ...REGISTRY_TOOLS] }),
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using registry = await dockerRegistry({ tls: true });
    await using served = await serveContainerdIn(temp.path, {
      args: ["--adopt", "all"],
      env: { SSL_CERT_FILE: registry.ca },
    });
    const { image, remote } = await pushedBox(served, temp, registry);
    await served.varve.text(["load", temp.join("image.tar")]);
    await served.text([...TRANSFER, remote]);
    const blobs = await served.text(["content", "ls", "-q"]);
    assertStringIncludes(blobs, image.descriptor.digest);
    for (const { descriptor } of image.layers) assert(!blobs.includes(descriptor.digest), blobs);
    assertEquals(await served.text([...RUN, "--rm", remote, "one", "cat", "/etc/motd"]), "hello\n");
    // As the help of --adopt says: without the blobs containerd cannot give the image away.
    await using empty = await dockerRegistry({ tls: true });
    const other = `${empty.host}/box:1`;
    for (
      const give of [
        ["image", "export", temp.join("export.tar"), remote],
        ["image", "push", "--tlscacert", empty.ca, other, remote],
      ]
    ) {
      const { code, stderr } = await served.any(give);
      assert(code !== 0, `${give[1]} succeeded`);
      assertMatch(stderr, /not found/);
    }
    // The snapshots of containerd keep the layers, also without the image in the store.
    await served.varve.text(["rmi", NAME]);
    assertEquals(await served.text([...RUN, "--rm", remote, "two", "cat", "/etc/motd"]), "hello\n");
    await served.text(["image", "rm", "--sync", remote]);
    await collect(served);
    await nothingIn(served);
  },
});

/** Layers that no applier may extract. */
const HOSTILE: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  "a path out of the root": tarOf([{ name: "../../escape", content: "x" }]),
  "a link out of its layer": tarOf([{ name: "a", type: "hardlink", target: "/etc/shadow" }]),
  "a whiteout of the parent": tarOf([{ name: "a/.wh..." }]),
  "no tar at all": new TextEncoder().encode("no tar".repeat(400)),
  "a tar that ends early": tarOf([{ name: "a", content: "x".repeat(5000) }]).slice(0, 2000),
  "an unknown type": tarOf([{ name: "a", flag: "Z" }]),
  "a huge size": tarOf([{ name: "a", rawSize: "77777777777\0" }]),
  "a root that is a file": tarOf([{ name: "./", type: "file", content: "x" }]),
  "an empty name": tarOf([{ name: "", type: "file" }]),
  "a bad checksum": tarOf([{ name: "a", badChecksum: true }]),
};

Deno.test({
  name: "a hostile layer is refused, and no other applier extracts it",
  ...needs(NEEDS),
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using served = await serveContainerdIn(temp.path);
    for (const [i, [what, tar]] of Object.entries(HOSTILE).entries()) {
      // A layer of its own: containerd may be collecting the snapshot of the import before, which failed.
      const layers = [tarOf([{ name: `below-${i}` }]), tar];
      const image = buildImage({ name: `example.org/bad:${i}`, layers, packing: "gzip" });
      await Deno.writeFile(temp.join("bad.tar"), archiveTar(ociFiles([image])));
      const { code, stderr } = await served.any([
        "image",
        "import",
        ...SNAPSHOTTER,
        temp.join("bad.tar"),
      ]);
      assert(code !== 0, `${what} was taken`);
      assertStringIncludes(
        stderr,
        `Cannot apply layer ${image.layers[1]!.descriptor.digest}`,
        what,
      );
      assertEquals(await extracted(served), [], what);
    }
    // The daemon goes on.
    await importImage(served, temp, await boxOfTwo());
    assertEquals(await served.text([...RUN, "--rm", NAME, "one", "cat", "/etc/motd"]), "hello\n");
  },
});

Deno.test({
  name: "Debian: mounted by containerd, every path equals umoci's",
  ...needs({ ...NEEDS, tools: [...NEEDS.tools, ...DEBIAN_TOOLS] }),
  fn: async () => {
    const image = await debianImage();
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using served = await serveContainerdIn(temp.path);
    await served.text(["image", "import", ...SNAPSHOTTER, image.docker]);
    assertEquals(await extracted(served), []);
    const mount = temp.join("mounted");
    await Deno.mkdir(mount);
    const name = (await served.text(["image", "ls", "-q"])).trim();
    await served.text(["image", "mount", ...SNAPSHOTTER, name, mount]);
    try {
      assertEquals(differences(mount, unpackedListing(image)), []);
    } finally {
      await runAny([...served.ctr, "image", "unmount", mount]);
    }
  },
});
