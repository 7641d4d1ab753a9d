/** What makes a tree of an image's compressed layers elsewhere. Those that are not installed are left out. */
import { run } from "../support/machine/process.ts";
import { startContainerd } from "../support/peers/containerd.ts";
import { startDocker } from "../support/peers/docker.ts";
import { type BenchImage, isHere, writeDockerArchive } from "./real_images.ts";

/** A daemon, and the command line of its client up to the verb. */
export interface Engine extends AsyncDisposable {
  readonly client: readonly string[];
}

/** Something that is timed, in an empty directory. */
export interface Contender {
  /** Started before the time runs, stopped after. */
  readonly engine?: (directory: string) => Promise<Engine>;
  readonly run: (directory: string, engine: Engine | undefined) => Promise<unknown>;
}

const LONG = { timeout: 900_000 };
const NAME = "example.org/bench:1";

/** The peers that are here, in the order of a table. Archives for them are made in `directory`. */
export async function peersOf(
  image: BenchImage,
  directory: string,
): Promise<readonly (readonly [string, Contender])[]> {
  const peers: (readonly [string, Contender])[] = [];
  const layout = `${image.layout}:${image.tag}`;
  if (await isHere("umoci")) {
    const unpack = (at: string) => run(["umoci", "unpack", "--image", layout, `${at}/b`], LONG);
    peers.push(["umoci unpack", { run: unpack }]);
  }
  const tar = 'mkdir "$2"; gzip -dc "$1" | tar -xf - -C "$2" --xattrs --numeric-owner';
  peers.push(["gzip -dc, tar x", { run: eachLayer(image, tar) }]);
  if (await isHere("mkfs.erofs")) {
    const gunzip = await isHere("igzip") ? "igzip" : "gzip";
    const script = `${gunzip} -dc "$1" > "$2.tar"; mkfs.erofs --quiet --tar=i "$2.erofs" "$2.tar"`;
    const what = `${gunzip} -dc, mkfs.erofs --tar=i (nothing verified)`;
    peers.push([what, { run: eachLayer(image, script) }]);
  }
  if (await isHere("skopeo")) peers.push(...await engines(image, directory));
  return peers;
}

/** The bare work on the layers alone, in two threads: whoever does it all and no faster cannot be nearer to a peer. */
export function bareWork({ blobs }: BenchImage, inflater: "isal" | "zlib"): Contender {
  const file = (path: string) => new URL(path, import.meta.url).pathname;
  const config = ["--no-check", "--config", file("../../deno.json")];
  const deno = [Deno.execPath(), "run", "-A", ...config, file("./bare_main.ts")];
  return { run: (directory) => run([...deno, inflater, directory, "2", ...blobs], LONG) };
}

/** Each layer by a shell of its own, all at once. */
function eachLayer(image: BenchImage, script: string): (directory: string) => Promise<unknown> {
  return (directory) =>
    Promise.all(
      image.blobs.map((blob, i) =>
        run(
          ["bash", "-euc", `set -o pipefail; ${script}`, "layer", blob, `${directory}/${i}`],
          LONG,
        )
      ),
    );
}

async function engines(
  image: BenchImage,
  directory: string,
): Promise<(readonly [string, Contender])[]> {
  const { layout, tag, title } = image;
  const peers: (readonly [string, Contender])[] = [];
  const source = `oci:${layout}:${tag}`;
  const kind = title.replaceAll(" ", "-");
  const docker = `${directory}/${kind}-docker.tar`, oci = `${directory}/${kind}-oci.tar`;
  await run(["skopeo", "copy", "--quiet", source, `oci-archive:${oci}:${NAME}`], LONG);
  if (await isHere("podman")) {
    peers.push(["podman load", {
      run: (at) => {
        const storage = ["--root", `${at}/root`, "--runroot", `${at}/run`];
        const podman = ["podman", ...storage, "--storage-driver", "overlay"];
        return run([...podman, "load", "--quiet", "-i", oci], LONG);
      },
    }]);
  }
  if (await isHere("dockerd")) {
    const dockerLoad = (archive: string): Contender => ({
      engine: async () => {
        const daemon = await startDocker();
        return engine(daemon.command, daemon);
      },
      run: (_, daemon) => run([...daemon?.client ?? [], "load", "-q", "-i", archive], LONG),
    });
    // The same bytes as all others get, and, as `docker save` writes it, what no layer has to be inflated of.
    const compressed = `${directory}/${kind}-docker-gzip.tar`;
    await writeDockerArchive(image, NAME, compressed);
    peers.push(["docker load", dockerLoad(compressed)]);
    await run(["skopeo", "copy", "--quiet", source, `docker-archive:${docker}:${NAME}`], LONG);
    peers.push(["docker load, layers uncompressed", dockerLoad(docker)]);
  }
  if (await isHere("containerd")) {
    peers.push(["ctr image import", {
      engine: async (at) => {
        const daemon = await startContainerd(at);
        return engine(daemon.ctr, daemon);
      },
      run: (_, daemon) => run([...daemon?.client ?? [], "image", "import", oci], LONG),
    }]);
  }
  return peers;
}

/** An engine of a daemon, which is stopped once, however often it is asked. */
export function engine(client: readonly string[], daemon: AsyncDisposable): Engine {
  let stopped: PromiseLike<void> | undefined;
  const stop = async (): Promise<void> => await (stopped ??= daemon[Symbol.asyncDispose]());
  return { client, [Symbol.asyncDispose]: stop };
}
