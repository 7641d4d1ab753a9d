/** What Kubernetes does, with the real containerd and runc: images, pods, containers, by its interface. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import type { FilesystemUsage } from "../../support/containerd/cri/generated/cri_pb.ts";
import { CriClient, type Pod } from "../../support/containerd/cri/cri_client.ts";
import { boxLayer } from "../../support/images/busybox_image.ts";
import { archiveTar, buildImage, type BuiltImage, ociFiles } from "../../support/images/images.ts";
import { mountsBelow } from "../../support/machine/census.ts";
import { needs } from "../../support/machine/needs.ts";
import { run } from "../../support/machine/process.ts";
import { type TempDir, tempDir } from "../../support/machine/temp_dir.ts";
import { waitUntil } from "../../support/machine/wait.ts";
import { extracted } from "../../support/peers/ctr_images.ts";
import { serveContainerdIn } from "../../support/peers/served_containerd.ts";
import { collect, namesIn, nothingIn, processesOf } from "../../support/peers/served_remains.ts";
import {
  dockerRegistry,
  REGISTRY_TOOLS,
  type RunningRegistry,
} from "../../support/registry/docker_registry.ts";

const NEEDS = needs({
  root: true,
  mount: true,
  tools: ["containerd", "ctr", "runc", "busybox", ...REGISTRY_TOOLS],
});

/** What Kubernetes' part of containerd needs where a test may make neither control groups nor profiles. */
function criConfig(pause: string): string {
  return `
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${JSON.stringify(pause)}
  stats_collect_period = 1
  disable_cgroup = true
  disable_apparmor = true
  restrict_oom_score_adj = true
`;
}

/** An image that waits for ever, as the one of a pod does. */
async function pauseImage(): Promise<BuiltImage> {
  return buildImage({
    name: "example.org/pause:1",
    layers: [await boxLayer()],
    config: { config: { Entrypoint: ["/bin/sleep", "1000000"], Env: ["PATH=/bin"] } },
  });
}

/** Busybox, and a layer on top that changes and removes something of it. */
async function boxOfTwo(): Promise<BuiltImage> {
  return buildImage({
    name: "example.org/box:1",
    layers: [await boxLayer(), [
      { name: "etc/motd", content: "hello\n" },
      { name: ".wh.noexec" },
      { name: "srv/", mode: 0o750 },
    ]],
    config: { config: { Env: ["PATH=/bin"] } },
  });
}

/** Puts an image into the registry. Gives its name there. */
async function publish(
  registry: RunningRegistry,
  temp: TempDir,
  image: BuiltImage,
): Promise<string> {
  const path = temp.join("published.tar");
  await Deno.writeFile(path, archiveTar(ociFiles([image])));
  const remote = `${registry.host}/${image.name?.slice("example.org/".length)}`;
  const copy = ["skopeo", "copy", "--dest-tls-verify=false", "--preserve-digests"];
  await run([...copy, `oci-archive:${path}`, `docker://${remote}`]);
  return remote;
}

Deno.test({
  name: "Kubernetes pulls an image, runs a pod and a container, and nothing of them remains",
  ...NEEDS,
  fn: async (test) => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using registry = await dockerRegistry();
    const pause = await publish(registry, temp, await pauseImage());
    const image = await boxOfTwo();
    const box = await publish(registry, temp, image);
    await using served = await serveContainerdIn(temp.path, { cri: criConfig(pause) });
    using cri = await CriClient.connect(served.ctr[2] as string);
    await registry.requests();

    await test.step("a pull fetches what no store holds, and makes its layers", async () => {
      assertEquals(await cri.pull(box), image.imageId);
      assertEquals(await cri.images(), [box]);
      assertEquals(await fetched(registry), blobsOf(image));
      // All that Kubernetes sends with a layer keeps varve from nothing: no other applier extracts it.
      assertEquals((await namesIn(`${served.root}/layers`)).length, 2);
      assertEquals(await extracted(served), []);
      // Once more: the image is there.
      assertEquals(await cri.pull(box), image.imageId);
      assertEquals(await fetched(registry), []);
    });

    await test.step("the file system of images is the store, with what the layers take", async () => {
      const rows: { readonly usage: Record<"size" | "inodes", number> }[] = await served.varve
        .json(["snapshot", "ls"]);
      const sum = (name: "size" | "inodes") =>
        BigInt(rows.reduce((all, { usage }) => all + usage[name], 0));
      assert(sum("size") > 1_000_000n);
      let seen: FilesystemUsage[] = [];
      // containerd asks from time to time, for one snapshot after the other.
      const all = await waitUntil("statistics of all snapshots", async () => {
        seen = await cri.imageFileSystems();
        return seen[0]?.usedBytes?.value === sum("size") ? seen : undefined;
      }, { seen: () => seen });
      assertEquals(all.length, 1);
      assertEquals(all[0]?.fsId?.mountpoint, served.root);
      assertEquals(all[0]?.inodesUsed?.value, sum("inodes"));
    });

    const pod = await cri.runPod("pod", temp.join("logs"));
    const command = ["sh", "-c", "cat /etc/motd; stat -c %a /srv; sleep 1000000"];
    const first = await cri.start(pod, { name: "first", image: box, command });

    await test.step("the pod's own image has no layer that was not there", async () => {
      const { imageId } = await pauseImage();
      assertEquals(await fetched(registry), [imageId]);
    });

    await test.step("a container has an output, and what is executed an output and a code", async () => {
      const log = await waitUntil("the output", async () => {
        const text = await Deno.readTextFile(temp.join("logs/first.log"));
        return text.includes("750") ? text : undefined;
      });
      assertMatch(log, /^\S+ stdout F hello\n\S+ stdout F 750\n$/);
      const words = "[ -e /noexec ] || echo gone; echo no >&2; exit 3";
      assertEquals(await cri.exec(first, ["sh", "-c", words]), {
        code: 3,
        stdout: "gone\n",
        stderr: "no\n",
      });
    });

    await test.step("what a container writes is its own, and is counted", async () => {
      const second = await cri.start(pod, { name: "second", image: box, command });
      const write = "echo changed > /etc/motd; echo 1 > /srv/new";
      assertEquals((await cri.exec(first, ["sh", "-c", write])).code, 0);
      assertEquals((await cri.exec(first, ["cat", "/etc/motd"])).stdout, "changed\n");
      assertEquals((await cri.exec(second, ["cat", "/etc/motd"])).stdout, "hello\n");
      await waitUntil("what was written", async () => {
        const inodes = (await cri.written(first))?.inodesUsed?.value ?? 0n;
        // /etc and /srv with one file in each, and what runc made.
        return inodes >= 4n;
      });
      await cri.remove(second);
    });

    await test.step("a restart of varve disturbs no pod", async () => {
      await served.restart();
      assertEquals((await cri.exec(first, ["cat", "/etc/motd"])).stdout, "changed\n");
      await cri.remove(first);
      const third = await waitUntil("containerd's connection to varve", async () => {
        try {
          return await cri.start(pod, { name: "third", image: box, command });
        } catch (error) {
          assertMatch(String(error), /unavailable|connection/i);
          return undefined;
        }
      });
      assertEquals((await cri.exec(third, ["cat", "/etc/motd"])).stdout, "hello\n");
    });

    await test.step("after the removal nothing remains", async () => {
      await cri.removePod(pod);
      for (const name of [box, pause]) await cri.removeImage(name);
      assertEquals(await cri.images(), []);
      await collect(served);
      await nothingIn(served);
      assertEquals(await mountsBelow(temp.path), []);
      const own = await processesOf(temp.path);
      assertEquals(own.filter((line) => !/^(\S*containerd -c|\S*deno run) /.test(line)), []);
    });
  },
});

for (const way of ["load", "pull"] as const) {
  Deno.test({
    name: `Kubernetes fetches no layer of an image that varve holds by its ${way}`,
    ...NEEDS,
    fn: async () => {
      await using temp = await tempDir("varve-test-", "/var/tmp");
      await using registry = await dockerRegistry();
      const pause = await publish(registry, temp, await pauseImage());
      const image = await boxOfTwo();
      const box = await publish(registry, temp, image);
      await using served = await serveContainerdIn(temp.path, { cri: criConfig(pause) });
      using cri = await CriClient.connect(served.ctr[2] as string);
      await served.varve.text(
        way === "load" ? ["load", temp.join("published.tar")] : ["pull", "--plain-http", box],
      );
      await registry.requests();

      assertEquals(await cri.pull(box), image.imageId);
      const asked = await registry.requests();
      assertEquals(blobsIn(asked), [image.imageId]);
      assert(asked.some((line) => line.includes("/manifests/")), asked.join("\n"));
      const blobs = await served.text(["-n", "k8s.io", "content", "ls", "-q"]);
      assertStringIncludes(blobs, image.descriptor.digest);
      for (const { descriptor } of image.layers) assert(!blobs.includes(descriptor.digest), blobs);

      // The snapshots of containerd keep the layers, also without the image in the store.
      const name = way === "load" ? image.name as string : box;
      await served.varve.text(["rmi", name]);
      const pod = await cri.runPod("pod", temp.join("logs"));
      const wait = ["sleep", "1000000"];
      const id = await cri.start(pod, { name: "box", image: box, command: wait });
      assertEquals((await cri.exec(id, ["cat", "/etc/motd"])).stdout, "hello\n");
      await cri.removePod(pod);
      for (const name of [box, pause]) await cri.removeImage(name);
      await collect(served);
      await nothingIn(served);
    },
  });
}

Deno.test({
  name:
    "images with common, repeated and differently packed layers are pulled and run at the same time",
  ...NEEDS,
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using registry = await dockerRegistry();
    const box = await boxLayer();
    const file = (name: string) => [{ name: `file-${name}`, content: name }];
    const config = { config: { Env: ["PATH=/bin"] } };
    const kinds: readonly (readonly [string, Parameters<typeof buildImage>[0], number])[] = [
      ["twice", { layers: [box, file("a"), file("a"), file("b"), file("a")] }, 2],
      ["common", { layers: [box, file("a"), file("c")] }, 2],
      ["zstd", { layers: [box, file("d"), file("e")], packing: "zstd" }, 2],
      ["docker", { layers: [box, file("a")], docker: true }, 1],
      ["plain", { layers: [box, file("c"), []], packing: "none" }, 1],
    ];
    const pause = await publish(registry, temp, await pauseImage());
    const names: string[] = [];
    for (const [name, spec] of kinds) {
      const image = buildImage({ name: `example.org/${name}:1`, config, ...spec });
      names.push(await publish(registry, temp, image));
    }
    await using served = await serveContainerdIn(temp.path, { cri: criConfig(pause) });
    using cri = await CriClient.connect(served.ctr[2] as string);
    await Promise.all(names.map((name) => cri.pull(name)));
    assertEquals(await extracted(served), []);
    // The box, and one layer for each file and for nothing, however often and however packed.
    assertEquals((await namesIn(`${served.root}/layers`)).length, 1 + 5 + 1);
    const pods = await Promise.all(
      names.map((_, at) => cri.runPod(`pod-${at}`, temp.join(`${at}`))),
    );
    const found = await Promise.all(names.map(async (image, at) => {
      const command = ["sleep", "1000000"];
      const id = await cri.start(pods[at] as Pod, { name: "box", image, command });
      return Number((await cri.exec(id, ["sh", "-c", "ls / | grep -c file-"])).stdout);
    }));
    assertEquals(found, kinds.map(([, , files]) => files));
    await Promise.all(pods.map((pod) => cri.removePod(pod)));
    for (const name of [...names, pause]) await cri.removeImage(name);
    await collect(served);
    await nothingIn(served);
  },
});

Deno.test({
  name: "a hostile layer that Kubernetes pulls is refused, and no other applier extracts it",
  ...NEEDS,
  fn: async () => {
    await using temp = await tempDir("varve-test-", "/var/tmp");
    await using registry = await dockerRegistry();
    const bad = buildImage({
      name: "example.org/bad:1",
      layers: [[{ name: "below" }], [{ name: "../../escape", content: "x" }]],
    });
    const remote = await publish(registry, temp, bad);
    await using served = await serveContainerdIn(temp.path, { cri: criConfig(remote) });
    using cri = await CriClient.connect(served.ctr[2] as string);
    const error = await assertRejects(() => cri.pull(remote), Error);
    assertStringIncludes(
      error.message,
      `Cannot apply layer ${bad.layers[1]?.descriptor.digest}`,
    );
    assertEquals(await cri.images(), []);
    assertEquals(await extracted(served), []);
  },
});

/** Digests of the blobs of an image without its manifest, sorted. */
function blobsOf(image: BuiltImage): string[] {
  return [image.imageId, ...image.layers.map(({ descriptor }) => descriptor.digest)].sort();
}

/** Digests of the blobs that a registry was asked for since the last call, sorted. */
async function fetched(registry: RunningRegistry): Promise<string[]> {
  return blobsIn(await registry.requests());
}

function blobsIn(requests: readonly string[]): string[] {
  const digests = requests.map((line) => /^GET .*\/blobs\/(sha256:[0-9a-f]+)$/.exec(line)?.[1]);
  return digests.filter((digest) => digest !== undefined).sort();
}
