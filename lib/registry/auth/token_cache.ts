import type { Token, Tokens } from "../contract.ts";

/** Tokens by origin and scope. Requests that need the same token at the same time share one request for it. */
export class TokenCache {
  readonly #tokens: Map<string, Token>;
  /** Requests for a token that are running. */
  readonly #pending = new Map<string, Promise<Token | undefined>>();

  /** `tokens` are the tokens of another cache. */
  constructor(tokens: Tokens) {
    this.#tokens = new Map(Object.entries(tokens));
  }

  /** All tokens as a value, for another thread. */
  get tokens(): Tokens {
    return Object.fromEntries(this.#tokens);
  }

  /**
   * The token for an origin and a scope; `undefined` when there is none, or when it has expired.
   */
  get(origin: string, scope: string): Token | undefined {
    const token = this.#tokens.get(keyOf(origin, scope));
    return token === undefined || token.expiresAt <= Date.now() ? undefined : token;
  }

  /**
   * Replaces a token that the registry refused. Returns the token that another request got
   * meanwhile or is fetching now; otherwise fetches a new token.
   *
   * @param refused the token that was sent; `undefined` when the request had none
   * @param fetch fetches a new token
   */
  async replace(
    origin: string,
    scope: string,
    refused: Token | undefined,
    fetch: () => Promise<Token | undefined>,
  ): Promise<Token | undefined> {
    const known = this.get(origin, scope);
    if (known !== undefined && known !== refused) return known;
    const key = keyOf(origin, scope);
    // The other request may fail for its own reason, such as its signal. Then the next waiting
    // request fetches the token.
    for (let other = this.#pending.get(key); other; other = this.#pending.get(key)) {
      const token = await other.catch(() => undefined);
      if (token !== undefined) return token;
    }
    const pending = fetch();
    this.#pending.set(key, pending);
    try {
      const token = await pending;
      if (token !== undefined) this.#tokens.set(key, token);
      return token;
    } finally {
      if (this.#pending.get(key) === pending) this.#pending.delete(key);
    }
  }
}

function keyOf(origin: string, scope: string): string {
  return `${origin} ${scope}`;
}
