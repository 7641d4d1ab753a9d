import { isDigest } from "../../digest/mod.ts";
import { mediaTypeInfo } from "../../oci/mod.ts";
import type { BlobFiles, StoreRows } from "../../store/internal.ts";
import {
  checkMode,
  checkStray,
  DIRECTORY,
  expectedFor,
  NOTED,
  type Ownership,
  type Report,
  wrongSize,
} from "./damage.ts";

/** Mode of a blob, of a layer's tar and of its tree. */
export const DATA_MODE = 0o444;

/** The remedy for a blob: the tar of its layer if that has the same bytes, else a source. */
export function remedyOfBlob(rows: StoreRows, digest: string): "repair" | "source" {
  return rows.layers.some((layer) => layer.diff_id === digest) ? "repair" : "source";
}

/** The kind of finding for a blob: whether it is a document. */
export function kindOfBlob(mediaType: string): "document" | "blob" {
  const role = mediaTypeInfo(mediaType)?.role;
  return role === undefined || role === "layer" ? "blob" : "document";
}

/** Compares the rows of blobs with their files. */
export function checkBlobs(
  rows: StoreRows,
  directories: readonly BlobFiles[],
  owner: Ownership,
  report: Report,
): void {
  const left = new Map(rows.blobs.map((row) => [row.digest, row]));
  for (const { algorithm, type, files } of directories) {
    if (type !== "directory") checkStray(report, owner, `content/blobs/${algorithm}`);
    for (const file of files) {
      const digest = `${algorithm}:${file.name}`;
      const path = pathOfBlob(digest);
      const row = left.get(digest);
      left.delete(digest);
      if (row === undefined) {
        if (!isDigest(digest) || file.type !== "file") checkStray(report, owner, path);
        else {
          report({
            kind: "blob",
            what: path,
            expected: "a row",
            actual: "no row",
            healedBy: "repair",
            site: { at: "orphan-blob", digest },
          });
        }
        continue;
      }
      const wrong = wrongSize(file, row.size) ?? (row.verified_at === 0 ? NOTED : undefined);
      if (wrong !== undefined) reportBlob(rows, row, wrong, report);
      if (file.type === "file") checkMode(report, owner, path, file, DATA_MODE);
    }
  }
  for (const row of left.values()) {
    if (isDigest(row.digest)) reportBlob(rows, row, "missing", report);
  }
}

function reportBlob(
  rows: StoreRows,
  { digest, size, media_type }: StoreRows["blobs"][number],
  actual: string,
  report: Report,
): void {
  report({
    kind: kindOfBlob(media_type),
    what: pathOfBlob(digest),
    expected: expectedFor(actual, size),
    actual,
    healedBy: actual === DIRECTORY ? "user" : remedyOfBlob(rows, digest),
    site: { at: "blob", digest },
  });
}

/** The path of a blob in the store. */
export function pathOfBlob(digest: string): string {
  return `content/blobs/${digest.replace(":", "/")}`;
}
