/** Files that appear complete or not at all. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { writeFile } from "../../../lib/archive/mod.ts";
import { temporaryIn } from "../../../lib/archive/save_target.ts";
import { VarveError } from "../../../lib/errors.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

Deno.test("a file: what a killed process has left is removed by the next, what a live one writes is not", async () => {
  await using temp = await tempDir();
  const path = temp.join("app.tar");
  const names = async () => {
    const found = await Array.fromAsync(Deno.readDir(temp.path), ({ name }) => name);
    return found.toSorted();
  };
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const slow = writeFile(
    path,
    new ReadableStream({
      async pull(controller) {
        begun.resolve();
        await end.promise;
        controller.enqueue(new TextEncoder().encode("slow"));
        controller.close();
      },
      // Nothing is pulled before the file is there.
    }, { highWaterMark: 0 }),
    "none",
  );
  await begun.promise;
  const [live = ""] = await names();
  assert(live.startsWith(".varve-save-"), live);
  // As a killed process leaves it: unlocked.
  const prefix = live.slice(0, live.lastIndexOf("-") + 1);
  await Deno.writeTextFile(temp.join(`${prefix}dead`), "half");
  await Deno.mkdir(temp.join(`${prefix}dead-directory`));
  await Deno.mkdir(temp.join(`${prefix}dead-mode`));
  const bytes = new TextEncoder().encode("fast");
  await writeFile(path, ReadableStream.from([bytes]), "none");
  assertEquals(await names(), [live, "app.tar"]);
  assertEquals(await Deno.readTextFile(path), "fast");
  end.resolve();
  await slow;
  assertEquals(await names(), ["app.tar"]);
  assertEquals(await Deno.readTextFile(path), "slow");
});

Deno.test("a file: the directory that tells the mode is made again when it is taken for left over, and kept when it is locked", async () => {
  await using temp = await tempDir();
  const path = temp.join("app.tar");
  const write = (text: string) =>
    writeFile(path, ReadableStream.from([new TextEncoder().encode(text)]), "none");
  const { mkdir, lstat } = Deno;
  const made: string[] = [], looked: string[] = [];
  using held = new DisposableStack();
  Deno.mkdir = async (probe, options) => {
    await mkdir(probe, options);
    made.push(String(probe));
    // What another save does with a directory that nobody has locked: it locks it, then removes it.
    if (made.length > 2) return;
    const taken = held.use(await Deno.open(probe));
    await taken.lock(true);
    if (made.length === 1) await Deno.remove(probe);
    else held.defer(() => Deno.removeSync(probe));
  };
  Deno.lstat = async (probe) => {
    if (probe === made[2] && looked.push(String(probe)) === 1) await write("other");
    return await lstat(probe);
  };
  try {
    await write("own");
  } finally {
    Deno.mkdir = mkdir;
    Deno.lstat = lstat;
  }
  assertEquals(looked[0], made[2]);
  held.dispose();
  assertEquals(await Deno.readTextFile(path), "own");
  assertEquals(await Array.fromAsync(Deno.readDir(temp.path), ({ name }) => name), ["app.tar"]);
});

Deno.test("a directory for temporary files makes no second one, which a kill would leave there", async () => {
  await using temp = await tempDir();
  const { mkdir } = Deno;
  Deno.mkdir = (path) => Promise.reject(new Error(`mkdir ${path}`));
  try {
    await using made = await temporaryIn(temp.path);
    assertEquals((await Deno.lstat(made.temporary)).isDirectory, true);
  } finally {
    Deno.mkdir = mkdir;
  }
  assertEquals(await Array.fromAsync(Deno.readDir(temp.path)), []);
});

Deno.test("a stream that cannot be written is cancelled, so that it frees what it holds", async () => {
  await using temp = await tempDir();
  for (const name of ["none/app.tar", "directory"]) {
    await Deno.mkdir(temp.join("directory"), { recursive: true });
    let reason: unknown;
    const bytes = new ReadableStream({ cancel: (why) => void (reason = why) });
    const error = await assertRejects(() => writeFile(temp.join(name), bytes, "none"), VarveError);
    assertEquals(reason, error);
  }
});
