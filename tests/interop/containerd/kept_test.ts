/** What containerd's removals leave and free: the layers and composed images that nothing needs any more go with them. */
import { assert, assertEquals } from "@std/assert";
import { needs } from "../../support/machine/needs.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { waitUntil } from "../../support/machine/wait.ts";
import {
  boxOfTwo,
  importImage,
  NAME,
  pushedBox,
  RUN,
  SNAPSHOTTER,
  TRANSFER,
} from "../../support/peers/ctr_images.ts";
import { serveContainerdIn, type ServedContainerd } from "../../support/peers/served_containerd.ts";
import { dockerRegistry, REGISTRY_TOOLS } from "../../support/registry/docker_registry.ts";
import { collect, namesIn, nothingIn } from "../../support/peers/served_remains.ts";

const NEED = { root: true, mount: true, tools: ["containerd", "ctr", "runc", "busybox"] } as const;
const NEEDS = needs(NEED);
const LOOK = [...RUN, "--rm", NAME, "look", "cat", "/etc/motd"];

/** Directories of a store that hold what images and snapshots are made of. */
const PLACES = ["layers", "chains", "snapshots", "mounts"] as const;

/** The names in them. */
async function held({ root }: ServedContainerd): Promise<Record<typeof PLACES[number], string[]>> {
  const [layers = [], chains = [], snapshots = [], mounts = []] = await Promise.all(
    PLACES.map((place) => namesIn(`${root}/${place}`)),
  );
  return { layers, chains, snapshots, mounts };
}

/** Waits until a removal has freed all that nothing needs. Nobody asks varve for a gc. */
async function freed(served: ServedContainerd): Promise<void> {
  let seen: Record<string, string[]> = {};
  await waitUntil("the end of what only removed snapshots kept", async () => {
    seen = await held(served);
    return Object.values(seen).flat().length === 0;
  }, { seen: () => seen, deadline: 60_000 });
}

Deno.test({
  name:
    "a removal frees layers and composed images, but what a snapshot or an image of varve keeps",
  ...NEEDS,
  fn: async (test) => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using served = await serveContainerdIn(temp.path);
    const image = await boxOfTwo();
    const removeImage = async () => {
      await served.text(["image", "rm", "--sync", NAME]);
      await collect(served);
    };

    await test.step("a removal frees all", async () => {
      await importImage(served, temp, image);
      assertEquals(await served.text(LOOK), "hello\n");
      const { layers, chains } = await held(served);
      assertEquals([layers.length, chains.length], [2, 1]);
      await removeImage();
      await freed(served);
    });

    await test.step("a snapshot of a user's own keeps the layers below it", async () => {
      await importImage(served, temp, image);
      const snapshots = ["snapshots", ...SNAPSHOTTER];
      await served.text([...snapshots, "prepare", "own", image.chainId]);
      const before = await held(served);
      await removeImage();
      const list = await served.text([...snapshots, "ls"]);
      for (const name of ["own", ...image.layers.map(({ chainId }) => chainId)]) {
        assert(list.includes(name), list);
      }
      assertEquals((await held(served)).layers, before.layers);
      await served.text([...snapshots, "rm", "own"]);
      await collect(served);
      await freed(served);
    });

    await test.step("an image that varve itself loaded keeps its layers", async () => {
      await importImage(served, temp, image);
      const { layers } = await held(served);
      // Nothing names the blobs of these layers: the load finds the layers alone.
      await collect(served);
      await served.varve.text(["load", temp.join("image.tar")]);
      await removeImage();
      await served.varve.text(["gc"]);
      assertEquals((await held(served)).layers, layers);
      const { code, stdout } = await served.varve.any(["fsck", "--deep"]);
      assertEquals(code, 0, stdout);
      assertEquals(await served.varve.text(["cat", `${NAME}:/etc/motd`]), "hello\n");
      await served.varve.text(["rmi", NAME]);
    });

    await nothingIn(served);
  },
});

Deno.test({
  name: "two namespaces have one image: its layers are made once, and stay while one needs them",
  ...NEEDS,
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using served = await serveContainerdIn(temp.path);
    // Another one than that of the test. runc knows containers of the whole machine by namespace and name.
    const other = ["-n", `other-${crypto.randomUUID()}`];
    const look = () => Promise.all([served.text(LOOK), served.text([...other, ...LOOK])]);
    await importImage(served, temp, await boxOfTwo());
    const { layers } = await held(served);
    assertEquals(layers.length, 2);
    await served.text([...other, "image", "import", ...SNAPSHOTTER, temp.join("image.tar")]);
    assertEquals(await look(), ["hello\n", "hello\n"]);
    const both = await held(served);
    assertEquals([both.layers, both.chains.length], [layers, 1]);

    await served.text(["image", "rm", "--sync", NAME]);
    await collect(served);
    await served.varve.text(["gc"]);
    const { layers: kept, chains } = await held(served);
    assertEquals([kept, chains], [both.layers, both.chains]);
    assertEquals(await served.text([...other, ...LOOK]), "hello\n");
    assert((await served.any(LOOK)).code !== 0);

    await served.text([...other, "image", "rm", "--sync", NAME]);
    await collect(served);
    await freed(served);
    await nothingIn(served);
  },
});

Deno.test({
  name: "a namespace adopts the snapshots of another, which stay while one of them needs them",
  ...needs({ ...NEED, tools: [...NEED.tools, ...REGISTRY_TOOLS] }),
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using registry = await dockerRegistry({ tls: true });
    await using served = await serveContainerdIn(temp.path, {
      args: ["--adopt", "all"],
      env: { SSL_CERT_FILE: registry.ca },
    });
    const { image, remote } = await pushedBox(served, temp, registry);
    await freed(served);
    const other = ["-n", `other-${crypto.randomUUID()}`];
    const look = [...RUN, "--rm", remote, "look", "cat", "/etc/motd"];
    await served.text([...TRANSFER, remote]);
    await served.text([...other, ...TRANSFER, remote]);
    // One row for both.
    assertEquals((await served.varve.json(["snapshot", "ls"])).length, 2);
    const blobs = await served.text([...other, "content", "ls", "-q"]);
    for (const { descriptor } of image.layers) assert(!blobs.includes(descriptor.digest), blobs);
    assertEquals(await served.text([...other, ...look]), "hello\n");

    await served.text(["image", "rm", "--sync", remote]);
    await collect(served);
    assertEquals((await served.varve.json(["snapshot", "ls"])).length, 2);
    assertEquals(await served.text([...other, ...look]), "hello\n");
    await served.text([...other, "image", "rm", "--sync", remote]);
    await collect(served);
    await freed(served);
    await nothingIn(served);
  },
});
