import { compressionMagic } from "../codec/compress/mod.ts";
import { isBadData, VarveError } from "../errors.ts";
import { readRange } from "./read_range.ts";

/** What is read, for messages: the name that the user gave it, and what was to be done with it. */
export interface NamedInput {
  /** The path, or `standard input`. */
  readonly label: string;
  /** What the user wanted to do, such as `load`. */
  readonly verb: string;
  /** What to give instead of something that is no archive, as a hint. */
  readonly wanted: string;
}

/** A block of a tar: 512 bytes. Whatever is shorter is no tar. */
const BLOCK = 512;

/**
 * Puts the name of a file into an error about its bytes. The readers of tars and of compressions see bytes and no names,
 * so each function that reads a file for the user passes its errors through here.
 *
 * An error that names the file already, and one that is not about the data, is returned as it is.
 */
export async function inputError(error: unknown, input: NamedInput): Promise<unknown> {
  const { label, verb, wanted } = input;
  if (!isBadData(error) || error.message.includes(label)) return error;
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
  if (code === "E_COMPRESSION" && details.expected === "gzip, zstd or none") {
    return fail(`it is ${actual}, and only gzip, zstd and uncompressed tars are read`, { actual });
  }
  const hint = code === "E_TRUNCATED" ? "copy or download it again, to its end" : details.hint;
  const reason = message.replace(/^Cannot read tar archive: /, "").replace(/^C(?=annot )/, "c");
  return fail(reason, { ...details, hint });
}

/** Whether not even the first block is the header of a tar. */
function isNoTar({ code, message }: VarveError): boolean {
  if (code === "E_HEADER") return message.startsWith("Cannot read tar entry at byte 0:");
  const cut = /^Cannot read tar archive: it is truncated after ([0-9]+) bytes, in a header$/.exec(
    message,
  );
  return code === "E_TRUNCATED" && cut !== null && Number(cut[1]) < BLOCK;
}

/** Whether a file begins as gzip or zstd. False for what cannot be read again. */
async function isCompressed(path: string): Promise<boolean> {
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) return false;
    return compressionMagic(await readRange(path, 0, Math.min(4, size))) !== undefined;
  } catch {
    return false;
  }
}
