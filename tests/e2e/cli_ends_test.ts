import { assertEquals, assertMatch } from "@std/assert";
import { Cli } from "../support/cli/cli.ts";
import { stateOf } from "../support/cli/store_state.ts";
import { archiveTar, blobPath, buildImage, ociFiles } from "../support/images/images.ts";
import { killGroup } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";
import { concat, tarEntry, tarOf } from "../support/tar/tar_fixture.ts";

/** Bytes of a file that is large enough for a line of progress at its start, and larger than a pipe buffer. */
const LARGE = 65 * 2 ** 20;

const image = buildImage({
  name: "example.org/large:1",
  layers: [tarOf([{ name: "zeros", content: new Uint8Array(LARGE) }])],
  packing: "none",
});
const layer = image.layers[0]!;
const files = ociFiles([image]);
const name = blobPath(layer.descriptor.digest);
/** The start of an archive: its first entry is the layer, cut off after 1 MiB. */
const begun = concat([
  tarEntry({ name, content: layer.blob.subarray(0, 2 ** 20), size: layer.blob.length }),
]);

function spawn(cli: Cli, root: string, args: readonly string[]): Deno.ChildProcess {
  const [program = "", ...rest] = cli.command(args);
  return new Deno.Command(program, {
    args: rest,
    env: { VARVE_ROOT: root, VARVE_DURABILITY: "none" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
}

/** Reads until a text has appeared, or to the end. */
async function readUntil(stream: ReadableStream<Uint8Array>, text: string): Promise<string> {
  let read = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream.values({ preventCancel: true })) {
    read += decoder.decode(chunk, { stream: true });
    if (read.includes(text)) break;
  }
  return read;
}

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
  Deno.test(`${signal} during a load: exit ${code}, nothing becomes visible, and the next load works`, async () => {
    await using temp = await tempDir();
    const root = temp.join("store");
    const cli = new Cli(root);
    const before = await stateOf(root);
    const child = spawn(cli, root, ["load", "-"]);
    try {
      const writer = child.stdin.getWriter();
      await writer.write(begun);
      assertMatch(await readUntil(child.stderr, "MB\n"), /^[0-9a-f]{12} {2}68\.2 MB\n$/);
      child.kill(signal);
      const said = await readUntil(child.stderr, "\0");
      assertEquals(said, `varve: Interrupted by ${signal}\n`);
      const status = await child.status;
      assertEquals([status.code, status.signal], [code, null]);
      await writer.abort().catch(() => {});
      await child.stdout.cancel();
    } finally {
      killGroup(child.pid);
    }
    assertEquals(await stateOf(root), before);
    const { images } = await cli.json(["load", "-"], { stdin: archiveTar(files) });
    assertEquals(images[0].imageId, image.imageId);
  });
}

Deno.test("a reader that closes the pipe ends the command without a message", async () => {
  await using temp = await tempDir();
  const root = temp.join("store");
  const cli = new Cli(root);
  await cli.text(["load", "-"], { stdin: archiveTar(files) });
  const ref = image.name as string;
  for (const args of [["save", ref, "--quiet"], ["cat", `${ref}:/zeros`]]) {
    const child = spawn(cli, root, args);
    try {
      await child.stdin.close();
      const reader = child.stdout.getReader();
      await reader.read();
      await reader.cancel();
      assertEquals(await readUntil(child.stderr, "\0"), "");
      assertEquals((await child.status).code, 141);
    } finally {
      killGroup(child.pid);
    }
  }
  const ingest = await Array.fromAsync(Deno.readDir(`${root}/ingest`), ({ name }) => name);
  assertEquals(ingest.filter((name) => !name.endsWith(".lock")), []);
});
