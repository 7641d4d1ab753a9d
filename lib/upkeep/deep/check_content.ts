import { algorithmOf, type Digest, isDigest } from "../../digest/mod.ts";
import { boundedParallel } from "../../pool/internal.ts";
import type { FileFact } from "../../store/internal.ts";
import { blobFiles, homeIn, homePath } from "../../store/internal.ts";
import { kindOfBlob, pathOfBlob, remedyOfBlob } from "../check/check_blobs.ts";
import { remedyOfLayer } from "../check/check_homes.ts";
import type { Damage } from "../check/damage.ts";
import type { DeepPass } from "./contract.ts";
import { type FileToHash, type HashedFile, hashJob } from "./hash_job.ts";
import { hasDigest } from "./scope.ts";

/** A file, and what its bytes must be. Hard links to one file are one file. */
interface Content {
  readonly path: string;
  readonly size: number;
  readonly names: Named[];
}

/** A digest by which a file is named, and the damage when the bytes have another. */
interface Named {
  readonly digest: Digest;
  damage(expected: string, actual: string): Damage;
}

/** Bytes of small files that one job reads. */
const BATCH = 16 * 1024 * 1024;

/** Reads every blob and every tar, and compares the digests. */
export async function checkContent(pass: DeepPass): Promise<void> {
  const batches = batchesOf(plan(pass));
  await boundedParallel(batches, async (batch, signal) => {
    const input = batch.map(({ path, size, names }): FileToHash => ({
      path,
      size,
      algorithms: [...new Set(names.map(({ digest }) => algorithmOf(digest)))],
    }));
    const task = pass.progress.task();
    const results = await pass.pool.run(hashJob, input, {
      signal,
      onProgress: ({ read }) => task(read),
    });
    for (const [i, content] of batch.entries()) {
      judge(content, input[i] as FileToHash, results[i] as HashedFile, pass);
    }
  }, { limit: pass.atOnce, signal: pass.signal });
}

function judge(
  { names, size }: Content,
  { algorithms }: FileToHash,
  { digests, failure, size: read }: HashedFile,
  { report }: DeepPass,
): void {
  for (const { digest, damage } of names) {
    if (failure !== null) {
      report(damage(digest, failure));
      continue;
    }
    const actual = digests[algorithms.indexOf(algorithmOf(digest))];
    if (actual === digest) continue;
    report(damage(digest, read === size ? String(actual) : `${read} bytes`));
  }
}

/** The files to read. A file of the wrong size was found by the quick check, and is left out. */
function plan({ store, rows, scope, progress }: DeepPass): Content[] {
  const byInode = new Map<string, Content>();
  const add = (path: string, file: FileFact, size: number, name: Named) => {
    if (file.type !== "file" || file.size !== size) return;
    const key = `${file.device}:${file.inode}`;
    const known = byInode.get(key);
    if (known !== undefined) return void known.names.push(name);
    byInode.set(key, { path, size, names: [name] });
    progress.add(size);
  };
  const blobs = new Map(rows.blobs.map((row) => [row.digest, row]));
  for (const { algorithm, files } of blobFiles(store)) {
    for (const file of files) {
      const row = blobs.get(`${algorithm}:${file.name}`);
      if (row === undefined || !isDigest(row.digest) || !hasDigest(scope, row.digest)) continue;
      const what = pathOfBlob(row.digest);
      add(`${store.root}/${what}`, file, row.size, {
        digest: row.digest,
        damage: (expected, actual) => ({
          kind: kindOfBlob(row.media_type),
          what,
          expected,
          actual,
          healedBy: remedyOfBlob(rows, row.digest),
          site: { at: "blob", digest: row.digest },
        }),
      });
    }
  }
  for (const row of rows.layers) {
    if (!hasDigest(scope, row.diff_id)) continue;
    const path = `${homePath(store, "layers", row.cache_id)}/layer.tar`;
    const file = homeIn(store, "layers", row.cache_id)?.files.find(({ name }) =>
      name === "layer.tar"
    );
    const names = rows.layerNames.filter((one) => one.diff_id === row.diff_id);
    for (const digest of [row.diff_id, ...names.map(({ name }) => name)]) {
      if (file === undefined || !isDigest(digest)) continue;
      add(path, file, row.size, {
        digest,
        damage: (expected, actual) => ({
          kind: "layer",
          what: `layers/${row.cache_id}/layer.tar of layer ${row.diff_id}`,
          expected,
          actual,
          healedBy: remedyOfLayer(rows, row.diff_id),
          site: { at: "layer", diffId: row.diff_id, cacheId: row.cache_id },
        }),
      });
    }
  }
  return [...byInode.values()];
}

/** Large files alone, the largest first; small ones together. */
function batchesOf(contents: readonly Content[]): Content[][] {
  const batches: Content[][] = [];
  let batch: Content[] = [], bytes = 0;
  for (const content of [...contents].sort((a, b) => b.size - a.size)) {
    if (batch.length > 0 && bytes + content.size > BATCH) {
      batches.push(batch);
      batch = [], bytes = 0;
    }
    batch.push(content);
    bytes += content.size;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
