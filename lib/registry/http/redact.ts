import { flattenText } from "../../bytes/mod.ts";

/** Characters of a registry's own words that a message may hold. */
const MAX_CHARACTERS = 300;

/** An address as a message may show it: no user info, no query (the secret of a signed URL), no fragment. */
export function redactUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}${url.search === "" ? "" : "?…"}`;
}

/**
 * Text from a registry, made fit for a message: one line, without control characters, cut to 300
 * characters, without what looks like a query, a token or a password.
 *
 * @param secrets strings that must not appear, whatever they look like
 */
export function redactText(text: string, secrets: Iterable<string> = []): string {
  let words = text;
  // Before anything is cut: half a secret would no longer match.
  for (const secret of secrets) if (secret !== "") words = words.replaceAll(secret, "…");
  words = words.slice(0, 16 * MAX_CHARACTERS)
    .replace(/(https?:\/\/)[^\s"'<>()/?#@]*@/gi, "$1")
    .replace(/(https?:\/\/[^\s"'<>()?#]*)[?#][^\s"'<>()]*/gi, "$1?…")
    .replace(/\b(bearer|basic)\s+[^\s"',]+/gi, "$1 …");
  const characters = [...flattenText(words)];
  const shown = characters.slice(0, MAX_CHARACTERS).join("");
  return characters.length > MAX_CHARACTERS ? `${shown}…` : shown;
}
