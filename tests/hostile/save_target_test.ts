/** Rows G15: where a save writes to, and what it leaves when it cannot finish. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { loadImages, saveToDirectory, saveToFile, writeFile } from "../../lib/archive/mod.ts";
import { fromText } from "../../lib/bytes/mod.ts";
import { exitCode, VarveError } from "../../lib/errors.ts";
import { performUnmount } from "../../lib/linux/mod.ts";
import { createPool } from "../../lib/pool/mod.ts";
import { openMemoryStore } from "../../lib/store/mod.ts";
import { archiveTar, ociFiles } from "../support/images/images.ts";
import { sampleImage } from "../support/images/sample_image.ts";
import { needs } from "../support/machine/needs.ts";
import { run } from "../support/machine/process.ts";
import { tempDir } from "../support/machine/temp_dir.ts";

const SAMPLE = sampleImage().name as string;

async function loaded() {
  const store = openMemoryStore();
  await using pool = createPool({ inline: true });
  const archive = archiveTar(ociFiles([sampleImage()]));
  await loadImages(store, ReadableStream.from([archive]), { pool });
  return store;
}

async function namesIn(path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(path)) names.push(name);
  return names.sort();
}

Deno.test("G15 a symbolic link is neither followed nor replaced, whatever it leads to", async () => {
  await using store = await loaded();
  await using temp = await tempDir();
  await Deno.writeTextFile(temp.join("victim"), "before");
  await Deno.mkdir(temp.join("empty"));
  await run(["mkfifo", temp.join("fifo")]);
  const targets = ["victim", "empty", "fifo", "nothing", "loop", "/dev/null"];
  for (const target of targets) {
    const link = temp.join(target === "loop" ? "loop" : "link");
    await Deno.symlink(target, link);
    for (
      const save of [
        () => saveToFile(store, [SAMPLE], link),
        () => saveToDirectory(store, [SAMPLE], link),
        () => saveToDirectory(store, [SAMPLE], `${link}/`),
        () => writeFile(link, ReadableStream.from([new Uint8Array(1)]), "none"),
      ]
    ) {
      const error = await assertRejects(save, VarveError);
      assertEquals([error.code, exitCode(error)], ["E_EXISTS", 5], target);
      assertStringIncludes(error.message, "it is a symbolic link");
    }
    assertEquals(await Deno.readLink(link), target);
    await Deno.remove(link);
  }
  assertEquals(await Deno.readTextFile(temp.join("victim")), "before");
  assertEquals(await namesIn(temp.path), ["empty", "fifo", "victim"]);
});

Deno.test("G15 a link on the way to the file is followed, and a file is replaced as a whole", async () => {
  await using store = await loaded();
  await using temp = await tempDir();
  await Deno.mkdir(temp.join("real"));
  await Deno.symlink("real", temp.join("way"));
  await Deno.writeTextFile(temp.join("real", "a.tar"), "before");
  const { ino } = await Deno.stat(temp.join("real", "a.tar"));
  using other = await Deno.open(temp.join("real", "a.tar"));
  await saveToFile(store, [SAMPLE], temp.join("way", "a.tar"));
  assert((await Deno.stat(temp.join("real", "a.tar"))).ino !== ino, "a new file");
  const old = new Uint8Array(10);
  assertEquals(await other.read(old), "before".length, "who has the old file open keeps it");
  assertEquals(await namesIn(temp.join("real")), ["a.tar"]);
});

Deno.test({
  name: "G15 a full disk leaves the old file, and no part of the new one",
  ...needs({ root: true, mount: true }),
  fn: async () => {
    await using temp = await tempDir();
    const disk = temp.join("disk");
    await Deno.mkdir(disk);
    await run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk]);
    try {
      await Deno.writeTextFile(`${disk}/a.tar`, "before");
      const large = ReadableStream.from(Array.from({ length: 8 }, () => new Uint8Array(1 << 16)));
      const error = await assertRejects(
        () => writeFile(`${disk}/a.tar`, large, "full"),
        VarveError,
      );
      assertEquals([exitCode(error), error.details.errno], [12, "ENOSPC"]);
      assertEquals(await Deno.readTextFile(`${disk}/a.tar`), "before");
      assertEquals(await namesIn(disk), ["a.tar"]);
    } finally {
      performUnmount(fromText(disk));
    }
  },
});
