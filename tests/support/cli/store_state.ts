/** Everything that a user can see of a disk store. */
import { assertEquals } from "@std/assert";
import { openStore } from "../../../lib/store/mod.ts";
import { commandOn } from "./in_process.ts";

/** The output of `images` and `snapshot ls`, and names and sizes of all files but locks and the database. */
export async function stateOf(root: string): Promise<unknown> {
  // A verb that reads makes no store.
  if (!await isThere(root)) await (await openStore({ root }))[Symbol.asyncDispose]();
  const { stdout: images } = await commandOn(root)(["images", "--format", "json"]);
  const { stdout: snapshots } = await commandOn(root)(["snapshot", "ls", "--driver", "native"]);
  return { images, snapshots, files: await filesOf(root) };
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

async function filesOf(directory: string): Promise<string[]> {
  const files: string[] = [];
  const visit = async (below: string): Promise<void> => {
    for await (const { name, isDirectory, isFile } of Deno.readDir(`${directory}${below}`)) {
      const path = `${below}/${name}`;
      if (/^\/meta\.db|\.lock$/.test(path)) continue;
      const size = isFile ? (await Deno.lstat(`${directory}${path}`)).size : 0;
      files.push(`${path} ${size}`);
      if (isDirectory) await visit(path);
    }
  };
  await visit("");
  return files.sort();
}

/** Asserts that a command wrote one line of JSON, an error of this code, and ended with this exit code. */
export function assertJsonError(
  said: { readonly code: number; readonly stdout: string; readonly stderr: string },
  code: string,
  exit: number,
): void {
  const lines = said.stderr.trimEnd().split("\n");
  assertEquals(lines.length, 1, said.stderr);
  const { error } = JSON.parse(lines[0] as string);
  assertEquals([error.code, error.exit, said.code], [code, exit, exit], said.stderr);
  assertEquals(error.message.startsWith("Cannot "), true, error.message);
  assertEquals(said.stdout, "");
}
