import { escapeLines } from "../../../bytes/mod.ts";

/** Most bytes of a file in a preview as text. */
export const MOST_TEXT: number = 256 * 1024;
/** Most bytes of a file in a preview in hexadecimal. */
export const MOST_HEX: number = 64 * 1024;

/** The first bytes of a stream, at most `most`. */
export async function firstBytes(
  chunks: AsyncIterable<Uint8Array>,
  most: number,
): Promise<Uint8Array> {
  const out = new Uint8Array(most);
  let length = 0;
  for await (const chunk of chunks) {
    const part = chunk.subarray(0, most - length);
    out.set(part, length);
    length += part.length;
    if (length === most) break;
  }
  return out.subarray(0, length);
}

/** Bytes as text: what is no printable UTF-8 is escaped. Says what is left out. */
export function textPreview(bytes: Uint8Array, size: number): string {
  return escapeLines(new TextDecoder().decode(bytes)) + leftOut(bytes, size);
}

/** Bytes as lines of position, 16 bytes in hexadecimal, and the same as ASCII, as `hexdump -C` has it. */
export function hexPreview(bytes: Uint8Array, size: number): string {
  let out = "";
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const ascii = Array.from(
      row,
      (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".",
    ).join("");
    out += `${at.toString(16).padStart(8, "0")}  ${hex.padEnd(47)}  |${ascii}|\n`;
  }
  return out + leftOut(bytes, size);
}

function leftOut({ length }: Uint8Array, size: number): string {
  return length < size ? `\n[${size - length} more bytes are left out of this preview]\n` : "";
}
