import { compressionMagic } from "../codec/compress/mod.ts";
import { isBadData, VarveError } from "../errors.ts";
import { readRange } from "./read_range.ts";

/** Describes the input of a function for its error messages. */
export interface NamedInput {
  /** Name of the input: its path as the user typed it, or `standard input`. */
  readonly label: string;
  /** What the user wanted to do, such as `load`. */
  readonly verb: string;
  /** Hint for an input that is not an archive: what the user should give instead. */
  readonly wanted: string;
}

/** Size of a block of a tar in bytes. An input shorter than one block is not a tar. */
const BLOCK = 512;

/**
 * Adds the name of the input to an error about its bytes. The tar reader and the decompressors see only bytes and do
 * not know where they come from. So each function that reads an input for the user passes its errors through this
 * function.
 *
 * Returns an error unchanged if it names the input already, or if it is not about bad data.
 */
export async function inputError(error: unknown, input: NamedInput): Promise<unknown> {
  const { label, verb, wanted } = input;
  if (!isBadData(error)) return error;
  const { code, message, details } = error;
  const fail = (reason: string, more = details) =>
    new VarveError(
      code,
      `Cannot ${verb} ${label}: ${reason}`,
      { ...more, subject: details.subject ?? label },
      { cause: error },
    );
  if (isNoTar(error)) {
    const reason = await isCompressed(label)
      ? "it is compressed, but what it holds is no tar"
      : "it is no tar, gzip or zstd archive";
    return fail(reason, { hint: wanted });
  }
  const { actual } = details;
  if (code === "E_COMPRESSION" && message.startsWith("Cannot decompress stream: ")) {
    return fail(`it is ${actual}, and only gzip, zstd and uncompressed tars are read`, { actual });
  }
  // The label may be one letter, which is in most messages: only the form of a message that names something counts.
  if (message.includes(` ${label}: `)) return error;
  const hint = code === "E_TRUNCATED" && !message.includes(" layer ")
    ? "copy or download it again, to its end"
    : details.hint;
  const reason = message.replace(/^Cannot read tar archive: /, "")
    .replace(/^Cannot decompress (\w+) stream: it ends /, "it is truncated: its $1 stream ends ")
    .replace(/^C(?=annot )/, "c");
  return fail(reason, { ...details, hint });
}

/**
 * Puts the name of a layer into an error about its bytes. Without it the error would read as if it were about the archive
 * that holds the layer. An error that names the layer, and one that is not about the data, is returned as it is.
 */
export function layerError(error: unknown, verb: string, label: string): unknown {
  if (!isBadData(error)) return error;
  const { code, message, details } = error;
  if (/^Cannot \w+ (?:layer|blob) /.test(message) || message.includes(label)) return error;
  return new VarveError(
    code,
    `Cannot ${verb} layer ${label}: ${message.replace(/^C(?=annot )/, "c")}`,
    { ...details, subject: details.subject ?? label },
    { cause: error },
  );
}

/** Whether an error says that the input does not even begin with a tar header, and so is not a tar at all. */
function isNoTar({ code, message }: VarveError): boolean {
  if (code === "E_HEADER") return message.startsWith("Cannot read tar entry at byte 0:");
  const cut = /^Cannot read tar archive: it is truncated after ([0-9]+) bytes, in a header$/.exec(
    message,
  );
  return code === "E_TRUNCATED" && cut !== null && Number(cut[1]) < BLOCK;
}

/** Whether a file begins with the magic bytes of gzip or zstd. False for an input that cannot be read a second time. */
async function isCompressed(path: string): Promise<boolean> {
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) return false;
    return compressionMagic(await readRange(path, 0, Math.min(4, size))) !== undefined;
  } catch {
    return false;
  }
}

/** Whether a later attempt can use the bytes read so far, because the error was not caused by them. */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof VarveError)) return true;
  return ["E_REGISTRY", "E_DENIED", "E_MISSING", "E_WORKER"].includes(error.code);
}
