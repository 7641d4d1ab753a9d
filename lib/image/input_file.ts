import { VarveError } from "../errors.ts";
import { fileErrno, fileError } from "../linux/mod.ts";

/**
 * Looks up a file or directory that the user named, before it is read.
 *
 * @param verb what the user wanted to do, for messages: `load`
 * @throws {VarveError} `E_NOT_FOUND` · `E_DENIED` · `E_USAGE` for a character device: `/dev/zero` never ends
 */
export async function statInput(path: string, verb: string): Promise<Deno.FileInfo> {
  const info = await stat(path, verb);
  if (info.isCharDevice !== true) return info;
  throw new VarveError("E_USAGE", `Cannot ${verb} ${path}: it is a character device`, {
    subject: path,
    hint: "give a file, a directory, or - for standard input",
  });
}

async function stat(path: string, verb: string): Promise<Deno.FileInfo> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    const code = fileErrno(error);
    if (code !== "ENOENT" && code !== "ENOTDIR") throw fileError(error, `${verb} ${path}`);
    throw new VarveError("E_NOT_FOUND", `Cannot ${verb} ${path}: there is no such file`, {
      subject: path,
    });
  }
}
