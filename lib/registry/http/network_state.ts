import { shownWords } from "./redact.ts";

/** What went wrong on the way to a registry. */
export interface NetworkState {
  /** For a message. */
  readonly state: string;
  /** Whether another try may end otherwise. */
  readonly passes: boolean;
  /** Whether one who waits for TLS ends a request in plain http so. */
  readonly waitsForTls: boolean;
}

/** What an error says, what that means, and whether one who waits for TLS may be behind it. */
type Known = readonly [RegExp, string, waitsForTls?: true];

const PASSES: readonly Known[] = [
  [/os error 111|connection refused/i, "the connection was refused"],
  [/os error 104|connection reset/i, "the connection was reset", true],
  [
    /connection closed before message completed/,
    "the connection was closed without an answer",
    true,
  ],
  [/os error 110|timed out/i, "the connection timed out"],
  [/os error 113|os error 101/i, "there is no route to it"],
  [/error reading a body/, "the connection was cut"],
];

const STAYS: readonly Known[] = [
  [/name or service not known/i, "its name is not known to the DNS"],
  [/UnknownIssuer/, "its certificate is of an authority that is not known (hosts.toml: ca)"],
  [/not valid for name/, "its certificate is for another name"],
  [/certificate expired/, "its certificate has expired"],
  [/not valid yet/, "its certificate is not valid yet"],
  [
    /CaUsedAsEndEntity/,
    "its certificate is that of an authority itself; it needs one with basicConstraints=CA:FALSE",
  ],
  [/invalid peer certificate/, "its certificate is not valid"],
  [/CertificateRequired/, "it wants a client certificate (hosts.toml: client)"],
  [/alert: \w*Certificate|UnknownCA|AccessDenied/, "it refuses the client certificate"],
  [
    /InvalidContentType|corrupt message/,
    "it does not speak TLS (if it speaks plain http: --plain-http)",
  ],
  [/received fatal alert/, "it refuses the TLS connection"],
  [/invalid HTTP version/, "it does not speak plain http", true],
  [/port [0-9]+ are blocked/i, "its port is one that fetch never connects to"],
  [/proxy authentication required/, "the proxy wants another user or password"],
  [/unsuccessful tunnel/, "the proxy refuses to connect to it"],
];

/** What went wrong on the way, without the address that `fetch` puts into its message. */
export function networkState(error: unknown): NetworkState {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  for (const [list, passes] of [[STAYS, false], [PASSES, true]] as const) {
    for (const [pattern, state, waitsForTls = false] of list) {
      if (pattern.test(text)) return { state, passes, waitsForTls };
    }
  }
  const words = /dns error/i.test(text)
    ? "the DNS does not tell its address"
    : shownWords(text.replace(/\bfor url \([^)]*\)/g, ""));
  return { state: words || "it failed", passes: true, waitsForTls: false };
}
