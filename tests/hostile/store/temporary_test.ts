import { assertEquals } from "@std/assert";
import { Cli } from "../../support/cli/cli.ts";
import { archiveTar, ociFiles } from "../../support/images/images.ts";
import { sampleImage } from "../../support/images/sample_image.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

/** Entries below a directory that other users may enter, read or write. */
async function loose(path: string): Promise<string[]> {
  const found: string[] = [];
  const { mode } = await Deno.lstat(path);
  if (((mode ?? 0) & 0o077) !== 0) found.push(`${path} ${(mode ?? 0).toString(8)}`);
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    if (isDirectory) found.push(...await loose(`${path}/${name}`));
  }
  return found;
}

Deno.test("I13 nothing temporary is made outside of the store, whose directories are the owner's alone", async () => {
  await using temp = await tempDir();
  // Whatever would use the system's temporary directory fails.
  const varve = new Cli(temp.join("store"), { env: { TMPDIR: temp.join("no/such/directory") } });
  const archive = temp.join("a.tar");
  await Deno.writeFile(archive, archiveTar(ociFiles([sampleImage()])));
  await Deno.mkdir(temp.join("root"));
  await Deno.writeTextFile(temp.join("root", "f"), "x");
  const name = sampleImage().name as string;
  await varve.text(["load", archive]);
  await varve.text(["load", "-"], { stdin: await Deno.readFile(archive) });
  await varve.text(["import", temp.join("root"), "b:1"]);
  await varve.text(["squash", name, "c:1"]);
  await varve.text(["save", name, "-o", temp.join("saved.tar")]);
  await varve.text(["export", name, "-o", temp.join("flat.tar")]);
  await varve.text(["unpack", "b:1", temp.join("unpacked")]);
  assertEquals(await loose(temp.join("store")), []);
  const names: string[] = [];
  for await (const entry of Deno.readDir(temp.path)) names.push(entry.name);
  const made = ["a.tar", "flat.tar", "root", "saved.tar", "store", "unpacked"];
  assertEquals(names.sort(), made);
});
