import type { ByteString } from "../../bytes/mod.ts";
import { writeTree } from "../../codec/tar/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Tree } from "../../tree/mod.ts";
import type { Context } from "../context.ts";
import type { Files } from "./open_files.ts";

/**
 * Writes a tree of some files to standard output, as a tar.
 *
 * @param make makes the tree; it is called only if standard output can take a tar
 * @param under the directory whose entries are written; the root by default
 * @throws {VarveError} `E_USAGE` standard output is a terminal
 */
export async function writeTar(
  context: Context,
  { contents }: Files,
  make: () => Promise<Tree>,
  under?: ByteString,
): Promise<void> {
  if (context.io.isTerminal("stdout")) {
    throw new VarveError("E_USAGE", "Cannot write a tar to a terminal: use a pipe");
  }
  const read = contents.read.bind(contents);
  const tar = writeTree(await make(), read, { under, signal: context.signal });
  for await (const chunk of tar) await context.io.stdout(chunk);
}
