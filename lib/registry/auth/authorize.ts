import type { Token } from "../contract.ts";
import { basicAuthorization } from "../http/basic_auth.ts";
import type { Challenge } from "./challenge.ts";
import { type AuthContext, fetchToken } from "./token_server.ts";

/**
 * Answers the challenges of a 401 with an `authorization` header: a bearer token if the registry
 * accepts one, else Basic.
 *
 * @returns `undefined` when the registry asks for Basic and there is no password, or when no scheme is known
 * @throws {VarveError} `E_DENIED` when the token server refuses, `E_REGISTRY` when the token server
 * fails
 */
export async function authorize(
  challenges: readonly Challenge[],
  context: AuthContext,
): Promise<Token | undefined> {
  const { endpoint, config } = context;
  const credential = config.credentials[endpoint.origin];
  const find = (scheme: string) => challenges.find((challenge) => challenge.scheme === scheme);
  const bearer = find("bearer");
  if (bearer !== undefined) {
    if (credential?.kind === "bearer") {
      return { authorization: `Bearer ${credential.token}`, expiresAt: Infinity };
    }
    return await fetchToken(bearer, credential, context);
  }
  if (find("basic") === undefined || credential?.kind !== "basic") return undefined;
  const { username, password } = credential;
  return { authorization: basicAuthorization(username, password), expiresAt: Infinity };
}
