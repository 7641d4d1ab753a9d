import { VarveError } from "../errors.ts";
import { readRange } from "../image/internal.ts";
import { fileError } from "../linux/mod.ts";
import { type ArchiveFiles, cleanName, type FileAt } from "./files.ts";

/**
 * The files of an OCI layout directory. Symbolic links are refused, not followed: they could lead outside of the
 * layout.
 */
export function directoryFiles(root: string): ArchiveFiles {
  return new DirectoryFiles(root);
}

class DirectoryFiles implements ArchiveFiles {
  readonly label: string;

  constructor(root: string) {
    this.label = root;
  }

  async find(name: string): Promise<FileAt | undefined> {
    const clean = cleanName(name);
    if (clean === undefined) return undefined;
    let path = this.label;
    const parts = clean.split("/");
    for (const [i, part] of parts.entries()) {
      path += `/${part}`;
      const info = await lstat(path);
      if (info === undefined) return undefined;
      const last = i === parts.length - 1;
      if (last ? info.isFile : info.isDirectory) {
        if (last) return { kind: "file", path, offset: 0, length: info.size };
        continue;
      }
      throw new VarveError(
        "E_FORMAT",
        `Cannot read ${JSON.stringify(name)} of ${this.label}: ${path} is not a ${
          last ? "regular file" : "directory"
        }`,
        { subject: path },
      );
    }
    return undefined;
  }

  async document(name: string, maxBytes: number, setting?: string): Promise<Uint8Array> {
    return await readDocument(this, name, maxBytes, setting);
  }

  async head(at: FileAt): Promise<Uint8Array> {
    return await headOf(at);
  }
}

/** The first 512 bytes of a file that is on disk or in memory; empty for any other kind of {@linkcode FileAt}. */
export async function headOf(at: FileAt): Promise<Uint8Array> {
  if (at.kind === "bytes") return at.bytes.subarray(0, 512);
  if (at.kind !== "file") return new Uint8Array(0);
  return await readRange(at.path, at.offset, Math.min(at.length, 512));
}

/** Reads all bytes of a document of an archive. @throws {VarveError} `E_MISSING`, `E_LIMIT`, `E_FORMAT` */
export async function readDocument(
  files: Pick<ArchiveFiles, "find" | "label">,
  name: string,
  maxBytes: number,
  setting?: string,
): Promise<Uint8Array> {
  const at = await files.find(name);
  if (at === undefined) {
    throw new VarveError(
      "E_MISSING",
      `Cannot read ${JSON.stringify(name)} of ${files.label}: the archive does not hold it`,
      { subject: name },
    );
  }
  if (at.kind !== "file" && at.kind !== "bytes") {
    throw new VarveError(
      "E_FORMAT",
      `Cannot read ${JSON.stringify(name)} of ${files.label}: it is not a document`,
      { subject: name },
    );
  }
  const length = at.kind === "file" ? at.length : at.bytes.length;
  if (length > maxBytes) {
    throw new VarveError(
      "E_LIMIT",
      `Cannot read ${
        JSON.stringify(name)
      } of ${files.label}: ${length} bytes are more than the limit of ${maxBytes}`,
      {
        subject: name,
        expected: maxBytes,
        actual: length,
        ...(setting === undefined
          ? {}
          : { setting, hint: "if you trust the source, raise this limit" }),
      },
    );
  }
  return at.kind === "bytes" ? at.bytes : await readRange(at.path, at.offset, length);
}

async function lstat(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError(error, `load ${path}`);
  }
}
