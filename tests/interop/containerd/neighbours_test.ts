/** A store that containerd and the command use at once: neither sees, nor removes, what is the other's. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { archiveTar, buildImage, type BuiltImage, ociFiles } from "../../support/images/images.ts";
import { boxLayer } from "../../support/images/busybox_image.ts";
import { needs } from "../../support/machine/needs.ts";
import { type TempDir, tempDir } from "../../support/machine/temp_dir.ts";
import { importImage, RUN, SNAPSHOTTER } from "../../support/peers/ctr_images.ts";
import { serveContainerdIn, type ServedContainerd } from "../../support/peers/served_containerd.ts";
import { collect, nothingIn } from "../../support/peers/served_remains.ts";

/** How often each of the neighbours does what it does. */
const ROUNDS = 2;

/** Images whose lowest layer is the same: it is a layer of both sides. */
async function boxes(): Promise<Record<"theirs" | "ours" | "passing" | "brief", BuiltImage>> {
  const box = await boxLayer();
  const image = (name: string) =>
    buildImage({
      name: `example.org/${name}:1`,
      layers: [box, [{ name: "etc/motd", content: `${name}\n` }]],
      packing: "gzip",
      config: { config: { Env: ["PATH=/bin"] } },
    });
  return {
    theirs: image("theirs"),
    ours: image("ours"),
    passing: image("passing"),
    brief: image("brief"),
  };
}

async function archive(temp: TempDir, image: BuiltImage): Promise<string> {
  const path = temp.join(`${image.imageId.slice(7, 19)}.tar`);
  await Deno.writeFile(path, archiveTar(ociFiles([image])));
  return path;
}

/** Keys of the snapshots of a scope, as the command lists them. */
async function keysOf({ varve }: ServedContainerd, scope: string): Promise<string[]> {
  const rows: { readonly key: string; readonly scope: string }[] = await varve.json([
    "snapshot",
    "ls",
  ]);
  return rows.filter((row) => row.scope === scope).map(({ key }) => key);
}

/** What containerd lists: the names and the keys in its default namespace. */
async function listed(served: ServedContainerd): Promise<string[]> {
  const text = await served.text(["snapshots", ...SNAPSHOTTER, "ls"]);
  return text.trim().split("\n").slice(1).map((line) => line.split(/\s+/)[0]!).sort();
}

async function times(work: (round: number) => Promise<void>): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) await work(round);
}

Deno.test({
  name:
    "containerd beside run, load, rmi and gc on one store: each keeps its own, and only its own",
  ...needs({ root: true, mount: true, tools: ["containerd", "ctr", "runc", "busybox"] }),
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using served = await serveContainerdIn(temp.path);
    const { varve } = served;
    const { theirs, ours, passing, brief } = await boxes();
    await importImage(served, temp, theirs);
    await varve.text(["load", await archive(temp, ours)]);
    const hold = ["run", "--network", "none", "--name", "kept", ours.name!, "--"];
    await varve.text([...hold, "sh", "-c", "echo mine > /kept"]);
    const cat = ["cat", "/etc/motd"];
    await served.text([...RUN, theirs.name!, "web", ...cat]);
    const [passingTar, briefTar] = [await archive(temp, passing), await archive(temp, brief)];

    await Promise.all([
      times(async (round) => {
        const out = await served.text([...RUN, "--rm", theirs.name!, `c${round}`, ...cat]);
        assertEquals(out, "theirs\n");
      }),
      times(async () => {
        const out = await varve.text([
          "run",
          "--rm",
          "--network",
          "none",
          ours.name!,
          "--",
          ...cat,
        ]);
        assertEquals(out, "ours\n");
      }),
      times(async () => {
        await varve.text(["load", passingTar]);
        await varve.text(["rmi", passing.name!]);
        await varve.text(["gc"]);
      }),
      times(async () => {
        await served.text(["image", "import", ...SNAPSHOTTER, briefTar]);
        await served.text(["image", "rm", "--sync", brief.name!]);
      }),
    ]);
    await collect(served);

    // What each lists is its own.
    const names = [...theirs.layers.map(({ chainId }) => chainId), "web"].sort();
    assertEquals(await listed(served), names);
    const own = await keysOf(served, "");
    assert(own.includes("kept"), own.join());
    const behind = (await keysOf(served, "containerd")).map((key) => key.split("/").at(-1)!);
    assertEquals(behind.sort(), names);
    for (const key of own) assert(!behind.includes(key) || key.startsWith("sha256:"), key);

    // Neither gc took anything of the other's.
    await varve.text(["gc"]);
    assertEquals(await served.text([...RUN, "--rm", theirs.name!, "last", ...cat]), "theirs\n");
    const again = ["run", "--rm", "--network", "none", ours.name!, "--", ...cat];
    assertEquals(await varve.text(again), "ours\n");
    assertStringIncludes(await varve.text(["diff", "kept"]), "kept");

    // Of one image removed by containerd, the layer that both have stays, and the other way round.
    await served.text(["containers", "rm", "web"]);
    await served.text(["image", "rm", "--sync", theirs.name!]);
    await collect(served);
    await varve.text(["gc"]);
    assertEquals(await listed(served), []);
    assertEquals(await varve.text(again), "ours\n");
    await importImage(served, temp, theirs);
    await varve.text(["snapshot", "rm", "kept"]);
    await varve.text(["rmi", ours.name!]);
    await varve.text(["gc"]);
    assertEquals(await served.text([...RUN, "--rm", theirs.name!, "one", ...cat]), "theirs\n");
    await served.text(["image", "rm", "--sync", theirs.name!]);
    await collect(served);
    await nothingIn(served);
  },
});
