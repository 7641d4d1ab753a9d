import { flattenText } from "../../bytes/mod.ts";

/** Maximum number of characters of a registry's own words in a message. */
const MAX_CHARACTERS = 300;

/**
 * Formats an address for a message: without user info, query (which may be the secret of a signed
 * URL) and fragment.
 */
export function redactUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}${url.search === "" ? "" : "?…"}`;
}

/**
 * Makes text from a registry safe for a message: one line, without control characters, cut to 300
 * characters, and without parts that look like a query, a token or a password.
 *
 * @param secrets strings that must not appear, whatever they look like
 */
export function redactText(text: string, secrets: Iterable<string> = []): string {
  let words = text;
  // Remove secrets before anything is cut, because half a secret would no longer match.
  for (const secret of secrets) if (secret !== "") words = words.replaceAll(secret, "…");
  words = words.slice(0, 16 * MAX_CHARACTERS)
    .replace(/(https?:\/\/)[^\s"'<>()/?#@]*@/gi, "$1")
    .replace(/(https?:\/\/[^\s"'<>()?#]*)[?#][^\s"'<>()]*/gi, "$1?…")
    .replace(/\b(bearer|basic)\s+[^\s"',]+/gi, "$1 …");
  const characters = [...flattenText(words)];
  const shown = characters.slice(0, MAX_CHARACTERS).join("");
  return characters.length > MAX_CHARACTERS ? `${shown}…` : shown;
}
