/** A layer of a directory, made by one thread and by two. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromText } from "../../../lib/bytes/mod.ts";
import { sha256 } from "../../../lib/digest/mod.ts";
import { NO_BASE, scanInPool } from "../../../lib/directory/internal.ts";
import {
  type DirectoryLayerInput,
  directoryLayerJob,
} from "../../../lib/directory/scan/directory_layer_job.ts";
import { VarveError } from "../../../lib/errors.ts";
import { CWD, openDirectoryAt, ownFd } from "../../../lib/linux/mod.ts";
import { createPool, type Pool } from "../../../lib/pool/mod.ts";
import { needs, type Skip } from "../../support/machine/needs.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

const LINUX: Skip = needs({ root: true });
/** Large enough for two threads, and quick to hash. */
const HOLLOW = 80 * 1024 * 1024;
const RULES = {};

/** Makes a directory with small files and one large file that is almost all hole. */
async function grow(root: string): Promise<void> {
  await Deno.mkdir(`${root}/etc`);
  for (let i = 0; i < 40; i++) await Deno.writeTextFile(`${root}/etc/${i}`, `${i}`.repeat(i * 997));
  using file = await Deno.open(`${root}/hollow`, { write: true, create: true });
  await file.truncate(HOLLOW);
  // The data ends inside a block, between two holes.
  await file.seek(HOLLOW / 2 + 3, Deno.SeekMode.Start);
  await file.write(new TextEncoder().encode("in the middle"));
  await Deno.writeTextFile(`${root}/last`, "last");
}

/** Scans a directory, and calls back with what the job takes. */
async function withDirectory(
  pool: Pool,
  act: (input: DirectoryLayerInput, join: (name: string) => string) => Promise<void>,
): Promise<void> {
  await using temp = await tempDir("varve-directory-layer-");
  await Deno.mkdir(temp.join("root"));
  await grow(temp.join("root"));
  using root = ownFd(openDirectoryAt(CWD, fromText(temp.join("root"))));
  const place = { root: root.fd, form: "plain" } as const;
  const { tree } = await scanInPool({ pool, ...place, base: NO_BASE });
  const target = {
    kind: "files",
    tar: temp.join("tar"),
    tree: temp.join("tree"),
    blob: null,
  } as const;
  await act(
    { place, tree: tree as Uint8Array, bytes: HOLLOW, rules: RULES, target },
    (name) => temp.join(name),
  );
}

Deno.test({
  name: "one thread and two make the same layer, holes as holes",
  ...LINUX,
  async fn() {
    const made: { output: unknown; tar: Uint8Array; tree: Uint8Array }[] = [];
    await using inline = createPool({ inline: true });
    await withDirectory(inline, async (input, join) => {
      assert(directoryLayerJob.halves?.(input) !== null, "it is worth two threads");
      assertEquals(directoryLayerJob.halves?.({ ...input, bytes: 1000 }), null);
      for (const options of [{ inline: true }, { workers: 1 }, { workers: 2 }, { workers: 8 }]) {
        await using pool = createPool(options);
        const output = await pool.run(directoryLayerJob, input);
        const { size, blocks } = await Deno.stat(join("tar"));
        assert((blocks as number) * 512 < size / 10, "zeros take no room");
        made.push({
          output,
          tar: await Deno.readFile(join("tar")),
          tree: await Deno.readFile(join("tree")),
        });
        for (const name of ["tar", "tree"]) await Deno.remove(join(name));
      }
    });
    const [first, ...others] = made as [typeof made[0], ...typeof made];
    for (const other of others) {
      assertEquals(other.output, first.output);
      assertEquals([sha256(other.tar), sha256(other.tree)], [
        sha256(first.tar),
        sha256(first.tree),
      ]);
    }
  },
});

Deno.test({
  name: "a file that is gone ends both threads, and so does a cancel",
  ...LINUX,
  async fn() {
    await using pool = createPool({ workers: 2 });
    await withDirectory(pool, async (input, join) => {
      await Deno.remove(join("root/last"));
      const error = await assertRejects(() => pool.run(directoryLayerJob, input), VarveError);
      assertEquals([error.code, error.details.subject], ["E_BUSY", "last"]);
      await Deno.remove(join("tar"));

      const controller = new AbortController();
      const reason = new Error("enough");
      const ended = await assertRejects(() =>
        pool.run(directoryLayerJob, input, {
          signal: controller.signal,
          onProgress: () => controller.abort(reason),
        })
      );
      assertEquals(ended, reason);
      // The cancel may come before the second thread has made the tar.
      await Deno.remove(join("tar")).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });

      // The workers still work.
      await Deno.writeTextFile(join("root/last"), "last");
      const { uncompressedSize } = await pool.run(directoryLayerJob, input);
      assert(uncompressedSize > HOLLOW);
    });
  },
});
