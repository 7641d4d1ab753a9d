import { guarded } from "../../linux/mod.ts";
import type { Ingest } from "../contract.ts";
import { type BlobBackend, StagingIngest } from "../staging/ingest.ts";
import { commitPlan } from "./commit.ts";
import { checkWritable, type Disk } from "./context.ts";
import { IngestHolds } from "./gc/holds.ts";
import { dropKept } from "./kept_bytes.ts";
import { DiskLayerBackend } from "./layer_files.ts";
import type { StagedFile } from "./staged.ts";
import { makeDirectory, removeAll, writeAll } from "./system.ts";

/** Mode of a blob, which is never written again. */
const BLOB_MODE = 0o444;

/**
 * Begins an ingest into a disk store. It stages in its own directory. A commit renames the files
 * from there to their final names.
 */
export async function beginIngest(disk: Disk, onEnd: (ingest: Ingest) => void): Promise<Ingest> {
  checkWritable(disk, "ingest");
  const { owner, paths } = disk;
  const directory = await guarded("begin an ingest", async () => {
    const directory = await owner.fresh();
    await makeDirectory(directory);
    return directory;
  });
  let count = 0;
  const fresh = () => `${directory}/${count++}`;
  const holds = new IngestHolds(disk, directory);
  const ingest: Ingest = new StagingIngest({
    layers: new DiskLayerBackend(disk, fresh, holds),
    blobs: blobBackend(disk, fresh),
    async commit(plan) {
      const result = await commitPlan(disk, plan, { fresh, holds });
      for (const { digest } of plan.layers) {
        await owner.tidy(async () => void await dropKept(paths, digest));
      }
      return result;
    },
    async end() {
      onEnd(ingest);
      await owner.tidy(() => removeAll(directory));
    },
  });
  return ingest;
}

function blobBackend(
  { owner }: Disk,
  fresh: () => string,
): BlobBackend<Pick<StagedFile, "path">> {
  const remove = ({ path }: { readonly path: string }) => owner.tidy(() => removeAll(path));
  return {
    async write(pieces) {
      const path = fresh();
      try {
        await guarded("write a blob", async () => {
          using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
          for await (const piece of pieces) await writeAll(file, piece);
          await Deno.chmod(path, BLOB_MODE);
        });
        return { path };
      } catch (error) {
        await remove({ path });
        throw error;
      }
    },
    remove,
  };
}
