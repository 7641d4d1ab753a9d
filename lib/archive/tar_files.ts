import { TarReader } from "../codec/tar/mod.ts";
import { VarveError } from "../errors.ts";
import { openInput } from "../image/internal.ts";
import type { Entry } from "../layer/mod.ts";
import { headOf, readDocument } from "./directory_files.ts";
import { EntryTable } from "./entry_table.ts";
import type { DocumentReading } from "./archive_context.ts";
import { type ArchiveFiles, OUTER_LIMITS } from "./files.ts";

/** Number of bytes to read in one call: enough for a header with its meta headers. */
const WINDOW = 64 * 1024;

/**
 * The files of an uncompressed tar on disk. Only the headers are read here. The bodies are skipped, so a layer that is
 * not needed costs nothing.
 *
 * @throws {VarveError} as the tar reader, and `E_TRUNCATED` when the file ends inside a body
 */
export async function tarFiles(path: string, ingest: DocumentReading): Promise<ArchiveFiles> {
  const table = new EntryTable(path);
  using file = await openInput(path);
  const { size } = await file.stat();
  const reader = new TarReader(indexer(path, table), { limits: OUTER_LIMITS });
  const buffer = new Uint8Array(WINDOW);
  while (reader.position < size) {
    ingest.signal.throwIfAborted();
    if (reader.skippable > 0) {
      if (reader.position + reader.skippable > size) throw cut(size);
      reader.skip(reader.skippable);
      continue;
    }
    await file.seek(reader.position, Deno.SeekMode.Start);
    const read = await file.read(buffer);
    if (read === null) break;
    pushHeaders(reader, buffer.subarray(0, read));
    if (reader.sawEndMark) break;
  }
  if (!reader.sawEndMark) endArchive(reader, ingest);
  const find = (name: string) => Promise.resolve().then(() => table.find(name));
  return {
    label: path,
    find,
    document: (name, maxBytes, setting) =>
      readDocument({ find, label: path }, name, maxBytes, setting),
    head: headOf,
  };
}

/**
 * Ends the tar of an archive, and warns if its last padding is cut.
 *
 * @throws {VarveError} `E_TRUNCATED` when an entry or a header is incomplete
 */
export function endArchive(reader: TarReader, ingest: DocumentReading): void {
  reader.end();
  if (reader.endsInPadding) ingest.warn("the padding at the end of the archive is cut");
}

/** The error for a file that ends inside a body. The reader skips the body, so it does not notice the missing bytes. */
function cut(size: number): VarveError {
  return new VarveError(
    "E_TRUNCATED",
    `Cannot read tar archive: it is truncated after ${size} bytes, in the content of a file`,
  );
}

/** Pushes blocks until the reader is inside a body that can be skipped. */
function pushHeaders(reader: TarReader, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length && reader.skippable === 0; at += 512) {
    reader.push(bytes.subarray(at, at + 512));
  }
}

function indexer(path: string, table: EntryTable): ConstructorParameters<typeof TarReader>[0] {
  return {
    entry: (entry) => index(path, table, entry),
    data: () => {},
    hole: () => {},
    endEntry: () => {},
  };
}

function index(path: string, table: EntryTable, entry: Entry): void {
  if (entry.type === "symlink" || entry.type === "hardlink") return table.addLink(entry);
  if (entry.type !== "file") return;
  const [extent] = entry.extents;
  const whole = extent !== undefined && extent.logical === 0 && extent.length === entry.size;
  if (entry.size > 0 && !whole) {
    throw new VarveError("E_FORMAT", `Cannot read ${path}: one of its entries is a sparse file`);
  }
  table.add(table.nameOf(entry), {
    kind: "file",
    path,
    offset: extent?.position ?? 0,
    length: entry.size,
  });
}
