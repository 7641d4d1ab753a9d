/** Other programs that push and pull, and varve beside them. */
import { Cli } from "../cli/cli.ts";
import { archiveTar, sha256Of } from "../images/images.ts";
import { run } from "../machine/process.ts";
import type { TempDir } from "../machine/temp_dir.ts";

/** skopeo's options for registries without TLS. */
export const INSECURE: readonly string[] = ["--src-tls-verify=false", "--dest-tls-verify=false"];

/** A program that moves images between a registry and its own storage. */
export interface Engine {
  /** Pulls an image. @returns its image ID, and the digest of its manifest where the program shows it */
  pull(name: string): Promise<{ imageId: string; manifest?: string }>;
  /** Pushes a pulled image under another name. */
  push(name: string, to: string): Promise<unknown>;
}

/** The command on a store in the directory `temp`, which is its home as well. */
export function cliIn(temp: TempDir, store: string): Cli {
  return new Cli(temp.join(store), { env: { HOME: temp.path, XDG_RUNTIME_DIR: temp.path } });
}

/** Loads the files of an archive under a name. */
export async function loadFiles(
  temp: TempDir,
  cli: Cli,
  name: string,
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
): Promise<void> {
  await Deno.writeFile(temp.join("in.tar"), archiveTar(files));
  await cli.text(["load", temp.join("in.tar"), "--name", name]);
}

/** skopeo, with a directory for each image. */
export function skopeoIn(temp: TempDir): Engine {
  const place = (name: string) => `dir:${temp.join(name.replaceAll(/[/:]/g, "-"))}`;
  return {
    async pull(name) {
      await run(["skopeo", "copy", "-q", ...INSECURE, `docker://${name}`, place(name)]);
      const bytes = await Deno.readFile(`${place(name).slice(4)}/manifest.json`);
      const { config } = JSON.parse(new TextDecoder().decode(bytes));
      return { imageId: config.digest, manifest: sha256Of(bytes) };
    },
    push: (name, to) =>
      run([
        "skopeo",
        "copy",
        "-q",
        "--preserve-digests",
        ...INSECURE,
        place(name),
        `docker://${to}`,
      ]),
  };
}
