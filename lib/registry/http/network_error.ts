import { redactText } from "./redact.ts";

/** The reason why a request got no answer. */
export interface NetworkProblem {
  /** The reason, for a message. */
  readonly state: string;
  /** Whether a retry may help. */
  readonly isTransient: boolean;
  /** Whether the cause may be a request in plain http to a TLS server. */
  readonly suggestsTls: boolean;
}

/**
 * A pattern of `fetch`'s message, the reason in plain words, and whether the cause may be a request
 * in plain http to a TLS server.
 */
type KnownError = readonly [RegExp, string, suggestsTls?: true];

const TRANSIENT: readonly KnownError[] = [
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

const PERMANENT: readonly KnownError[] = [
  [/name or service not known/i, "its name is not known to the DNS"],
  [/UnknownIssuer/, "its certificate is from an unknown authority (hosts.toml: ca)"],
  [/not valid for name/, "its certificate is for another name"],
  [/certificate expired/, "its certificate has expired"],
  [/not valid yet/, "its certificate is not valid yet"],
  [
    /CaUsedAsEndEntity/,
    "its certificate is a CA certificate; a server needs one with basicConstraints=CA:FALSE",
  ],
  [/invalid peer certificate/, "its certificate is not valid"],
  [/CertificateRequired/, "it wants a client certificate (hosts.toml: client)"],
  [/alert: \w*Certificate|UnknownCA|AccessDenied/, "it refuses the client certificate"],
  [
    /InvalidContentType|corrupt message/,
    "it does not speak TLS",
  ],
  [/received fatal alert/, "it refuses the TLS connection"],
  [/invalid HTTP version/, "it does not speak plain http", true],
  [/port [0-9]+ are blocked/i, "its port is one that fetch never connects to"],
  [/proxy authentication required/, "the proxy wants another user or password"],
  [/unsuccessful tunnel/, "the proxy refuses to connect to it"],
];

/** Explains an error of `fetch`, without the address that `fetch` puts into its message. */
export function explainNetworkError(error: unknown): NetworkProblem {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  for (const [list, isTransient] of [[PERMANENT, false], [TRANSIENT, true]] as const) {
    for (const [pattern, state, suggestsTls = false] of list) {
      if (pattern.test(text)) return { state, isTransient, suggestsTls };
    }
  }
  const words = /dns error/i.test(text)
    ? "the DNS lookup of its name failed"
    : redactText(text.replace(/\bfor url \([^)]*\)/g, ""));
  return { state: words || "it failed", isTransient: true, suggestsTls: false };
}

/**
 * Whether an error of `fetch` says that no connection was made. A connection to another address of
 * the host may then succeed.
 */
export function isUnconnected(error: unknown): boolean {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error && /tcp connect error/i.test(cause.message);
}
