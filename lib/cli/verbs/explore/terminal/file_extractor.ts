import { formatBytes } from "../../../../bytes/mod.ts";
import { isVarveError } from "../../../../errors.ts";
import { kindOfCode, layerOfCode } from "../../../../explore/mod.ts";
import { fileError } from "../../../../linux/mod.ts";
import { lookup } from "../../../../tree/mod.ts";
import type { Files } from "../../../files/open_files.ts";
import { argumentBytes } from "../../../images.ts";
import { commandLine } from "../../../mistakes/shell_words.ts";
import { shownChange, type ViewState, wholePath } from "./state.ts";

/** Most characters of the name of a file that is written: file systems allow 255 bytes. */
const MOST_NAME = 200;

/** Writes files of an image into the directory of the process. */
export class FileExtractor implements AsyncDisposable {
  readonly #open: () => Promise<Files>;
  readonly #name: string;
  #files: Promise<Files> | undefined;

  /** `open` opens the image `name`, when the first file is asked for. */
  constructor(open: () => Promise<Files>, name: string) {
    this.#open = open;
    this.#name = name;
  }

  /**
   * Writes a file as the chosen layer has it. It never replaces a file, and does not take over owner and permissions.
   *
   * @returns what to say to the user, also when it fails
   */
  async extract(state: ViewState, at: number): Promise<string> {
    try {
      return await this.#extract(state, at);
    } catch (error) {
      const failure = fileError(error, "extract the file");
      if (!isVarveError(failure)) throw failure;
      return failure.message;
    }
  }

  async #extract(state: ViewState, at: number): Promise<string> {
    const { columns: { codes } } = state.model;
    let change = shownChange(state, at);
    // Of what is deleted, the entry of the layer before.
    if (kindOfCode(codes[change] as number) === "deleted") change--;
    const text = wholePath(state, at);
    const path = argumentBytes(text);
    this.#files ??= this.#open();
    const files = await this.#files;
    const layers = await files.layers();
    const tree = layers[layerOfCode(codes[change] as number)]?.tree;
    const node = tree === undefined ? undefined : lookup(tree, path);
    if (node?.type !== "file") {
      const copy = commandLine(["varve", "cp", `${this.#name}:${text}`, "."]);
      return `Cannot extract ${text}: it is no regular file (${copy})`;
    }
    const name = fileName(text);
    try {
      await writeNew(name, files.contents.read(path, node));
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      return `Cannot extract ${text}: ./${name} exists`;
    }
    return `Extracted ${text} to ./${name}, ${formatBytes(node.size)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What could not be opened was reported when it failed.
    const files = await this.#files?.catch(() => undefined);
    await files?.[Symbol.asyncDispose]();
  }
}

/** A name for a file, of printable characters. */
function fileName(path: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1).replaceAll("\\", "_");
  return [...name].slice(0, MOST_NAME).join("");
}

/** Writes a new file, whole or not at all. @throws {Deno.errors.AlreadyExists} */
async function writeNew(name: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const path = `./${name}`;
  const file = await Deno.open(path, { write: true, createNew: true });
  try {
    await ReadableStream.from(chunks).pipeTo(file.writable);
  } catch (error) {
    await Deno.remove(path);
    throw error;
  }
}
