/**
 * The native floor: what native tools need for exactly the bytes that a load proves. Inflate each layer to a file, hash
 * what came, what comes out, and the bytes of the files. It checks nothing and keeps no tree.
 */
import { run } from "../support/machine/process.ts";
import { type Usage, usageOf } from "./process_usage.ts";
import type { BenchImage } from "./real_images.ts";

/** A way to inflate. */
export type FloorInflater = "isal" | "zlib";

/** Programs that the floor needs. */
export const FLOOR_TOOLS = ["igzip", "openssl", "xargs"] as const;

/** Plays the floor of an image. */
export class NativeFloor {
  readonly #blobs: readonly string[];
  readonly #directory: string;
  /** Files that hold the bytes of the regular files of a layer, one behind the other. */
  readonly #contents: readonly string[];

  private constructor(blobs: readonly string[], directory: string, contents: readonly string[]) {
    this.#blobs = blobs;
    this.#directory = directory;
    this.#contents = contents;
  }

  /** Prepares the bytes of the files, which no floor has to cut out of the tars. */
  static async of({ blobs }: BenchImage, directory: string): Promise<NativeFloor> {
    const contents: string[] = [];
    for (const [i, blob] of blobs.entries()) {
      const path = `${directory}/contents-${i}`;
      await run(["sh", "-euc", 'gzip -dc "$1" | tar -xOf - > "$2"', "sh", blob, path], {
        timeout: 900_000,
      });
      contents.push(path);
    }
    return new NativeFloor(blobs, directory, contents);
  }

  /** Does the work once, by two processes at a time. */
  async run(inflater: FloorInflater): Promise<Usage> {
    const tar = (i: number) => `${this.#directory}/${i}.tar`;
    const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(" ");
    const sum = (path: string) => quoted(["openssl", "dgst", "-sha256", "-r", path]);
    const file = (path: string) => new URL(path, import.meta.url).pathname;
    const deno = [Deno.execPath(), "run", "-A", "--no-check", "--config", file("../../deno.json")];
    const program = file("./inflate_to.ts");
    const inflate = (blob: string, target: string) =>
      inflater === "isal"
        ? `${quoted(["igzip", "-dc", blob])} > '${target}'`
        : quoted([...deno, program, blob, target]);
    // The longest jobs first.
    const jobs = [
      ...this.#blobs.map((blob, i) => `${inflate(blob, tar(i))} && ${sum(tar(i))}`),
      ...this.#contents.map(sum),
      ...this.#blobs.map(sum),
    ];
    const script = `printf '%s\\0' "$@" | xargs -0 -P 2 -I JOB sh -euc JOB`;
    try {
      return await usageOf(["sh", "-euc", script, "sh", ...jobs]);
    } finally {
      for (const i of this.#blobs.keys()) await Deno.remove(tar(i)).catch(() => {});
    }
  }
}
