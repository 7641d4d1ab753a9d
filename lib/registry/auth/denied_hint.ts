import type { Credential } from "../contract.ts";

/** A request that a registry or its token server denied. */
export interface DeniedRequest {
  /** The registry, as references name it. */
  readonly registry: string;
  /** The status of the answer: 401 or 403; 0 when no request was sent. */
  readonly status: number;
  /** The credential for the registry, if there is one. */
  readonly credential: Credential | undefined;
  /** Whether the purpose of the request is to check the credential, as in a login. */
  readonly mustAuthenticate: boolean | undefined;
}

/** Hint for 401 and 403. */
export function deniedHint(
  { registry, status, credential, mustAuthenticate }: DeniedRequest,
): string {
  if (mustAuthenticate === true) return "the user's name or the password is wrong";
  if (credential === undefined) return `if it exists, log in to ${registry}`;
  if (status === 403) return "the user who is logged in may not do this";
  return `the credentials are not accepted, log in again to ${registry}`;
}
