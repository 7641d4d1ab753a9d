import { VarveError } from "../errors.ts";

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
    hint === undefined ? {} : { hint },
  );
}

/** What went wrong on the way, without the address that `fetch` puts into its message. */
export function networkState(error: unknown, secrets: Iterable<string> = []): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  const known = [
    [/dns error/i, "its name is not known to the DNS"],
    [/os error 111|connection refused/i, "the connection was refused"],
    [/os error 104|connection reset/i, "the connection was reset"],
    [/os error 110|timed out/i, "the connection timed out"],
    [/os error 113|os error 101/i, "there is no route to it"],
    [/UnknownIssuer/, "its certificate is of an authority that is not known (hosts.toml: ca)"],
    [/not valid for name/, "its certificate is for another name"],
    [/certificate expired/, "its certificate has expired"],
    [/not valid yet/, "its certificate is not valid yet"],
    [/invalid peer certificate: (\w+)/, "its certificate is not valid"],
    [/CertificateRequired/, "it wants a client certificate (hosts.toml: client)"],
    [/alert: \w*Certificate|UnknownCA|AccessDenied/, "it refuses the client certificate"],
    [
      /InvalidContentType|corrupt message/,
      "it does not speak TLS (if it speaks plain http: --plain-http)",
    ],
    [/received fatal alert/, "it refuses the TLS connection"],
    [/invalid HTTP version/, "it does not speak plain http (if it has TLS: hosts.toml)"],
    [/error reading a body/, "the connection was cut"],
    [/port [0-9]+ are blocked/i, "its port is one that fetch never connects to"],
  ] as const;
  for (const [pattern, state] of known) if (pattern.test(text)) return state;
  return shownWords(text.replace(/\bfor url \([^)]*\)/g, ""), secrets) || "it failed";
}
