/**
 * Wrong configurations of the real containerd: `varve doctor` says each, and no container ever sees a wrong tree.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { archiveTar, ociFiles } from "../../support/images/images.ts";
import { needs } from "../../support/machine/needs.ts";
import { type TempDir, tempDir } from "../../support/machine/temp_dir.ts";
import { boxOfTwo, importImage, NAME, RUN, SNAPSHOTTER } from "../../support/peers/ctr_images.ts";
import { serveContainerdIn, type ServedContainerd } from "../../support/peers/served_containerd.ts";
import { collect } from "../../support/peers/served_remains.ts";

const NEEDS = needs({
  root: true,
  mount: true,
  tools: ["containerd", "ctr", "runc", "busybox", "unshare"],
});

/** What a container on the image of `boxOfTwo` must see of both layers. */
const LOOK =
  "cat /etc/motd; [ -e /noexec ] || echo gone; stat -c %a /etc /srv; cat /etc/group | wc -l";
const RIGHT = "hello\ngone\n751\n750\n3\n";

/** What doctor says is wrong. */
async function wrong(served: ServedContainerd, temp: TempDir): Promise<string[]> {
  const args = ["--containerd", temp.join("c.sock"), "--socket", temp.join("varve.sock")];
  const { containerd } = await served.varve.json(["doctor", ...args]);
  return (containerd as { readonly check: string; readonly ok: boolean | null }[])
    .filter(({ ok }) => ok !== true).map(({ check }) => check);
}

async function writeImage(temp: TempDir): Promise<string> {
  await Deno.writeFile(temp.join("image.tar"), archiveTar(ociFiles([await boxOfTwo()])));
  return temp.join("image.tar");
}

async function look(served: ServedContainerd): Promise<{ code: number; stdout: string }> {
  return await served.any([...RUN, "--rm", NAME, "one", "sh", "-c", LOOK]);
}

Deno.test({
  name:
    "walking before varve-diff: what it extracted unseen is refused with the line that is missing",
  ...NEEDS,
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    const right = '["varve-diff", "walking"]', swapped = '["walking", "varve-diff"]';
    await using served = await serveContainerdIn(temp.path, {
      edit: (printed) => printed.replace(right, swapped),
    });
    assertEquals(await wrong(served, temp), ["first differ"]);
    const archive = await writeImage(temp);
    const { code, stderr } = await served.any([
      "image",
      "import",
      "--local",
      ...SNAPSHOTTER,
      archive,
    ]);
    assert(code !== 0, "a layer was committed that walking had extracted without its parents");
    assertStringIncludes(stderr, `set default = ${right} in`);
    assert((await look(served)).code !== 0);

    // With the line, the same import works, when containerd has removed what the try left.
    await served.containerd.end("SIGTERM");
    const config = temp.join("c.toml");
    await Deno.writeTextFile(config, (await Deno.readTextFile(config)).replace(swapped, right));
    await served.containerd.start();
    assertEquals(await wrong(served, temp), []);
    await collect(served);
    await served.text(["image", "import", "--local", ...SNAPSHOTTER, archive]);
    assertEquals((await look(served)).stdout, RIGHT);
  },
});

Deno.test({
  name:
    "no differ in unpack_config: doctor says it, and a container sees all of its image or does not start",
  ...NEEDS,
  fn: async () => {
    for (
      const [edit, checks] of [
        // No entry for varve.
        [(text: string) => text.replace(/\[\[[^\n]*unpack_config\]\][^[]*"varve-diff"\n/, ""), [
          "unpack",
        ]],
        // Entries without differ.
        [(text: string) => text.replaceAll(/^ {2}differ = .*$/gm, ""), ["unpack", "overlayfs"]],
      ] as const
    ) {
      await using temp = await tempDir("varve-test-", "/var/tmp");
      await using served = await serveContainerdIn(temp.path, { edit });
      assertEquals(await wrong(served, temp), [...checks]);
      // By the transfer service, whose differ is then a random one.
      for (let i = 0; i < 4; i++) {
        const { code } = await served.any([
          "image",
          "import",
          ...SNAPSHOTTER,
          await writeImage(temp),
        ]);
        const seen = await look(served);
        assert(seen.code !== 0 || seen.stdout === RIGHT, `import ${code}: ${seen.stdout}`);
        await served.any(["image", "rm", "--sync", NAME]);
      }
    }
  },
});

Deno.test({
  name:
    "varve in another mount namespace: doctor says it, and no container starts without the files of its image",
  ...NEEDS,
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using served = await serveContainerdIn(temp.path, { starter: ["unshare", "-m"] });
    assertEquals(await wrong(served, temp), ["mount namespace"]);
    await importImage(served, temp, await boxOfTwo());
    const { code, stdout, stderr } = await served.any([
      ...RUN,
      "--rm",
      NAME,
      "one",
      "/bin/sh",
      "-c",
      LOOK,
    ]);
    assert(code !== 0, stdout);
    assertStringIncludes(stderr, "is in another mount namespace");
    assertStringIncludes(stderr, "PrivateTmp");
    // No snapshot is left of the try.
    const kinds: string[] = (await served.varve.json(["snapshot", "ls"]))
      .map(({ kind }: { kind: string }) => kind);
    assertEquals(kinds, ["committed", "committed"]);

    // In the right place it works.
    await served.end("SIGTERM");
    await served.start([]);
    assertEquals(await wrong(served, temp), []);
    assertEquals(await served.text([...RUN, "--rm", NAME, "two", "sh", "-c", LOOK]), RIGHT);
  },
});
