/** The images of the benches of whole jobs: a real one of two layers, and its files again in ten. */
import { createHash } from "node:crypto";
import { run, runAny } from "../support/machine/process.ts";
import { debianImage } from "../support/peers/debian.ts";

/** An OCI layout with one image. */
export interface BenchImage {
  readonly title: string;
  readonly layout: string;
  /** Its tag in the layout. */
  readonly tag: string;
  /** Files of the layers, the lowest first. */
  readonly blobs: readonly string[];
  /** File of the config. */
  readonly config: string;
}

const LONG = { timeout: 900_000 };

/** What stands in a layout. `VARVE_BENCH_LAYOUT` names another than the Debian image of the tests. */
export async function realImage(): Promise<BenchImage> {
  const layout = Deno.env.get("VARVE_BENCH_LAYOUT") ?? (await debianImage()).layout;
  return await imageIn(layout, "two layers");
}

/** Whether a program is here. */
export async function isHere(program: string): Promise<boolean> {
  return (await runAny(["sh", "-c", `command -v ${program}`])).code === 0;
}

/** Makes an image of ten layers of the files of a directory. */
export async function tenLayers(root: string, directory: string): Promise<BenchImage> {
  const layout = `${directory}/ten`;
  await Deno.mkdir(`${layout}/blobs/sha256`, { recursive: true });
  const gzip = await isHere("igzip") ? "igzip -1" : "gzip -1";
  const script =
    `cd "$1"; find . -mindepth 1 -print0 | LC_ALL=C sort -z | split -t '\\0' -n l/10 - "$2/part-"
for part in "$2"/part-*; do
  tar --null --no-recursion --xattrs --numeric-owner -cf - -T "$part" | tee >(sha256sum | cut -d' ' -f1 > "$part.diff") | ${gzip} > "$part.gz"
done`;
  await run(["bash", "-euc", script, "split", root, directory], LONG);
  const put = async (bytes: Uint8Array, mediaType: string) => {
    const hex = createHash("sha256").update(bytes).digest("hex");
    await Deno.writeFile(`${layout}/blobs/sha256/${hex}`, bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name)
    .filter((name) => name.endsWith(".gz")).sort();
  const layers = [], diffIds = [];
  for (const name of names) {
    const file = `${directory}/${name}`;
    layers.push(
      await put(await Deno.readFile(file), "application/vnd.oci.image.layer.v1.tar+gzip"),
    );
    const diff = await Deno.readTextFile(file.replace(/gz$/, "diff"));
    diffIds.push(`sha256:${diff.trim()}`);
    await Deno.remove(file);
  }
  const rootfs = { type: "layers", diff_ids: diffIds };
  const config = await put(
    json({ architecture: "amd64", os: "linux", rootfs, config: {} }),
    "application/vnd.oci.image.config.v1+json",
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = await put(json({ schemaVersion: 2, mediaType, config, layers }), mediaType);
  const annotations = { "org.opencontainers.image.ref.name": "ten" };
  await Deno.writeFile(
    `${layout}/index.json`,
    json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  await Deno.writeTextFile(`${layout}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  return await imageIn(layout, "ten layers");
}

/** Writes an image as a docker-archive of compressed layers, as `crane pull` does. */
export async function writeDockerArchive(
  { blobs, config }: BenchImage,
  name: string,
  archive: string,
): Promise<void> {
  const directory = `${archive}.d`;
  await Deno.mkdir(directory);
  const link = async (file: string, ending: string) => {
    const member = `${file.replace(/.*\//, "")}${ending}`;
    await Deno.symlink(await Deno.realPath(file), `${directory}/${member}`);
    return member;
  };
  const manifest = {
    Config: await link(config, ".json"),
    RepoTags: [name],
    Layers: await Promise.all(blobs.map((blob) => link(blob, ".tar.gz"))),
  };
  await Deno.writeTextFile(`${directory}/manifest.json`, JSON.stringify([manifest]));
  await run(["sh", "-ec", 'cd "$1"; tar -chf "$2" *', "sh", directory, archive], LONG);
  await Deno.remove(directory, { recursive: true });
}

async function imageIn(layout: string, title: string): Promise<BenchImage> {
  const read = async (file: string) => JSON.parse(await Deno.readTextFile(`${layout}/${file}`));
  const blob = (digest: string) => `blobs/sha256/${digest.slice(7)}`;
  const [entry] = (await read("index.json")).manifests;
  const manifest = await read(blob(entry.digest));
  return {
    title,
    layout,
    tag: entry.annotations["org.opencontainers.image.ref.name"],
    blobs: manifest.layers.map(({ digest }: { digest: string }) => `${layout}/${blob(digest)}`),
    config: `${layout}/${blob(manifest.config.digest)}`,
  };
}
