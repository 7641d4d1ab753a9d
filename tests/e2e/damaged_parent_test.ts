/** A commit on an image whose config is damaged: the new image must not lose the config in silence. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { flipByte } from "../support/images/flip_byte.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";

const BASE = "example.org/base:1";

interface Scene {
  readonly varve: Cli;
  readonly config: string;
  readonly chainId: string;
}

/** A store with an image, whose config has a command. */
async function scene(temp: TempDir): Promise<Scene> {
  const varve = new Cli(temp.join("store"));
  await Deno.mkdir(temp.join("in"));
  await Deno.writeTextFile(temp.join("in/file"), "x");
  await varve.text(["import", temp.join("in"), BASE, "--cmd", "serve"]);
  const { imageId, chainId } = await varve.json(["inspect", BASE]);
  const config = temp.join(`store/content/blobs/sha256/${imageId.replace("sha256:", "")}`);
  return { varve, config, chainId };
}

async function refused(varve: Cli): Promise<string> {
  const { code, stderr } = await varve.any(["commit", "work", "example.org/new:1"]);
  assertEquals(code, 7, stderr);
  const images: { name: string }[] = await varve.json(["images"]);
  assertEquals(images.map(({ name }) => name), [BASE]);
  return stderr;
}

Deno.test("commit: an image that the snapshot names and that is damaged is no reason for a new config", async () => {
  await using temp = await tempDir();
  const { varve, config } = await scene(temp);
  await varve.text(["snapshot", "prepare", "work", BASE]);
  await flipByte(config);
  assertStringIncludes(await refused(varve), "varve: Cannot ");
  await flipByte(config);
  await varve.text(["fsck", "--repair", "--deep"]);
  await varve.text(["commit", "work", "example.org/new:1"]);
  const { config: { config: { Cmd } } } = await varve.json(["inspect", "example.org/new:1"]);
  assertEquals(Cmd, ["/bin/sh", "-c", "serve"]);
});

Deno.test("commit: nor is a damaged image that may be the one below a snapshot that names none", async () => {
  await using temp = await tempDir();
  const { varve, config, chainId } = await scene(temp);
  await varve.text(["snapshot", "prepare", "work", chainId]);
  await flipByte(config);
  await refused(varve);
});

Deno.test("commit: a damaged image does not matter to a snapshot of another one", async () => {
  await using temp = await tempDir();
  const { varve, config } = await scene(temp);
  await Deno.writeTextFile(temp.join("in/other"), "y");
  await varve.text(["import", temp.join("in"), "example.org/other:1"]);
  const { chainId } = await varve.json(["inspect", "example.org/other:1"]);
  await varve.text(["snapshot", "prepare", "work", chainId]);
  await flipByte(config);
  await varve.text(["commit", "work", "example.org/new:1"]);
});
