import { VarveError } from "../../errors.ts";

/** Most characters of a registry's own words in a message. */
const MAX_WORDS = 300;

/** An address as a message may show it: no user info, no query (signed URLs carry their secret there), no fragment. */
export function shownUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}${url.search === "" ? "" : "?…"}`;
}

/**
 * Words of others, fit for a message: one line, no controls, cut, without what looks like a
 * query, a token or a password.
 *
 * @param secrets what must not appear, whatever it looks like
 */
export function shownWords(text: string, secrets: Iterable<string> = []): string {
  let words = text;
  // Before anything is cut: half a secret is not found any more.
  for (const secret of secrets) if (secret !== "") words = words.replaceAll(secret, "…");
  words = words.slice(0, 16 * MAX_WORDS)
    .replace(/(https?:\/\/)[^\s"'<>()/?#@]*@/gi, "$1")
    .replace(/(https?:\/\/[^\s"'<>()?#]*)[?#][^\s"'<>()]*/gi, "$1?…")
    .replace(/\b(bearer|basic)\s+[^\s"',]+/gi, "$1 …")
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim();
  const chars = [...words];
  return chars.length > MAX_WORDS ? `${chars.slice(0, MAX_WORDS).join("")}…` : words;
}

/** An error of the class that says: the registry answered with an error, or not at all. */
export function registryError(action: string, state: string, hint?: string): VarveError {
  return new VarveError(
    "E_REGISTRY",
    `Cannot ${action}: ${state}`,
    { hint },
  );
}

/** Whether it begins as a JSON object does; what it holds is judged by whoever reads it. */
export function isObjectText(bytes: Uint8Array): boolean {
  return bytes.find((byte) => ![0x20, 0x09, 0x0a, 0x0d].includes(byte)) === 0x7b;
}
