import type { Credential } from "../contract.ts";

/** Who was refused what. */
export interface Refusal {
  /** The registry, as references name it. */
  readonly registry: string;
  /** The status of the answer. */
  readonly status: number;
  /** What was shown, if anything. */
  readonly credential: Credential | undefined;
  /** Whether it was to prove the credentials. */
  readonly proves: boolean | undefined;
}

/** What may help whom a registry or its token server refused. */
export function deniedHint({ registry, status, credential, proves }: Refusal): string {
  if (proves === true) return "the user's name or the password is wrong";
  if (credential === undefined) return `if it exists it needs a login: varve login ${registry}`;
  if (status === 403) return "the user who is logged in may not do this";
  return `the credentials are not taken, log in again: varve login ${registry}`;
}
