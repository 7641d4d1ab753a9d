/** Images for `ctr`, with varve as the snapshotter. */
import { archiveTar, buildImage, type BuiltImage, ociFiles } from "../images/images.ts";
import { boxLayer } from "../images/busybox_image.ts";
import { run } from "../machine/process.ts";
import type { TempDir } from "../machine/temp_dir.ts";
import type { TarFixture } from "../tar/tar_fixture.ts";
import type { RunningRegistry } from "../registry/docker_registry.ts";
import type { ServedContainerd } from "./served_containerd.ts";
import { collect } from "./served_remains.ts";

/** Name of the image of {@linkcode boxOfTwo}. */
export const NAME = "example.org/box:1";
/** Options that choose varve. */
export const SNAPSHOTTER: readonly string[] = ["--snapshotter", "varve"];
/** Begins to run a container. ctr makes no control group: the machine of a test may not let it. */
export const RUN: readonly string[] = ["run", ...SNAPSHOTTER, "--cgroup", ""];

/** Busybox, and a layer on top that changes and removes something of it. */
export async function boxOfTwo(name: string = NAME): Promise<BuiltImage> {
  const upper: readonly TarFixture[] = [
    { name: "etc/motd", content: "hello\n" },
    { name: ".wh.noexec" },
    { name: "srv/", mode: 0o750 },
  ];
  return buildImage({ name, layers: [await boxLayer(), upper], packing: "gzip" });
}

/** Pulls an image by the transfer service. */
export const TRANSFER: readonly string[] = [
  ...["image", "pull", "--local=false", "--platform", "linux/amd64"],
  ...SNAPSHOTTER,
];

/**
 * Pushes {@linkcode boxOfTwo} to a registry with TLS, and removes it from containerd.
 *
 * @returns the image, and its name at the registry
 */
export async function pushedBox(
  served: ServedContainerd,
  temp: TempDir,
  { host, ca }: Pick<RunningRegistry, "host" | "ca">,
): Promise<{ readonly image: BuiltImage; readonly remote: string }> {
  const image = await boxOfTwo();
  await importImage(served, temp, image);
  const remote = `${host}/box:1`;
  await served.text(["image", "push", "--tlscacert", ca, remote, NAME]);
  await served.text(["image", "rm", "--sync", NAME]);
  await collect(served);
  return { image, remote };
}

/** Imports an image from an OCI layout in a tar. */
export async function importImage(
  served: ServedContainerd,
  temp: TempDir,
  image: BuiltImage,
  more: readonly string[] = [],
): Promise<void> {
  const path = temp.join("image.tar");
  await Deno.writeFile(path, archiveTar(ociFiles([image])));
  await served.text(["image", "import", ...SNAPSHOTTER, ...more, path]);
}

/** Files that anything wrote into the directories of snapshots. */
export async function extracted(served: ServedContainerd): Promise<string[]> {
  const { stdout } = await run([
    "find",
    `${served.root}/snapshots`,
    "-ignore_readdir_race",
    "-path",
    "*/fs/*",
  ]);
  return stdout.split("\n").filter((line) => line !== "");
}

/** A call that failed, as varve's log has it; see `--log json`. */
export interface FailedCall {
  readonly method: string;
  readonly key: string | null;
  readonly digest: string | null;
  /** gRPC's name of the code. */
  readonly code: string;
  readonly message: string;
}

/** The calls that failed, from the log that a daemon wrote in JSON. */
export function failedCalls(log: string): FailedCall[] {
  return log.split("\n").filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as FailedCall & { readonly event: string })
    .filter(({ event }) => event === "failed");
}

/** How often a snapshot is made anew. */
const TRIES = 10;

/**
 * Makes a snapshot that containerd's garbage collection keeps. Between the two commands it is garbage, and a collection
 * may take it: then it is made again.
 */
export async function keptSnapshot(
  served: ServedContainerd,
  verb: "prepare" | "view",
  key: string,
  parent: string,
): Promise<void> {
  const snapshots = ["snapshots", ...SNAPSHOTTER];
  let told = "";
  for (let tries = TRIES; tries > 0; tries--) {
    await served.text([...snapshots, verb, key, parent]);
    const root = [...snapshots, "label", key, "containerd.io/gc.root=1"];
    const { code, stderr } = await served.any(root);
    if (code === 0) return;
    told = stderr;
    if (!stderr.includes("not found")) break;
  }
  throw new Error(`Cannot keep snapshot ${key}: ${told}`);
}
