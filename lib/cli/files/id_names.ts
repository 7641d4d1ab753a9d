import { type ByteString, escapeForTerminal, fromBytes, fromText } from "../../bytes/mod.ts";
import { isVarveError } from "../../errors.ts";
import type { Resolved } from "../../tree/mod.ts";
import { type Files, type FilesView, findPath } from "./open_files.ts";

/** Names of users and groups by their numbers, and the other way round. */
export class IdNames {
  readonly #names: ReadonlyMap<number, ByteString>;
  readonly #ids: ReadonlyMap<ByteString, number>;

  /** `text` is the content of `/etc/passwd` or `/etc/group`. As in libc, the first line of a number or name counts. */
  constructor(text: ByteString) {
    const names = new Map<number, ByteString>();
    const ids = new Map<ByteString, number>();
    for (const line of text.split("\n")) {
      const [first = "", , id = ""] = line.trim().split(":");
      const name = first as ByteString;
      if (name === "" || !/^[0-9]{1,10}$/.test(id)) continue;
      if (!names.has(Number(id))) names.set(Number(id), name);
      if (!ids.has(name)) ids.set(name, Number(id));
    }
    this.#names = names;
    this.#ids = ids;
  }

  /** The name of a number, for a terminal; the number where it has none, or one that would break columns. */
  show(id: number): string {
    const name = this.#names.get(id);
    return name === undefined || /[\0-\x20]/.test(name) ? String(id) : escapeForTerminal(name);
  }

  /** The number of a name; of a number, that number. `undefined` when nobody has the name. */
  find(text: string): number | undefined {
    return this.#ids.get(fromText(text)) ?? (/^[0-9]{1,10}$/.test(text) ? Number(text) : undefined);
  }
}

/** Longest file of names that is read. A longer one counts as empty. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Reads the names of users and groups in an image. */
export async function readIdNames(
  files: Files,
): Promise<{ readonly users: IdNames; readonly groups: IdNames }> {
  const read = async (path: string) => new IdNames(await textOf(files, fromText(path)));
  return { users: await read("/etc/passwd"), groups: await read("/etc/group") };
}

/** The content of a file; empty where there is none. */
async function textOf({ view, contents }: Files, path: ByteString): Promise<ByteString> {
  const found = findExisting(view, path);
  if (found?.node.type !== "file" || found.node.size > MAX_BYTES) return "" as ByteString;
  let text = "";
  for await (const chunk of contents.read(found.path, found.node)) text += fromBytes(chunk);
  return text as ByteString;
}

/** As {@linkcode findPath}. An image whose links are a loop has no such file. */
function findExisting(view: FilesView, path: ByteString): Resolved | undefined {
  try {
    return findPath(view, path, true);
  } catch (error) {
    if (isVarveError(error, "E_LOOP")) return undefined;
    throw error;
  }
}
