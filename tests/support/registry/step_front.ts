/** A request that a front has got and not yet passed on. */
export interface RegistryStep {
  /** Its number, from 1. */
  readonly number: number;
  readonly method: string;
  /** Its path without the query, such as `/v2/app/manifests/1`. */
  readonly path: string;
}

/** A proxy in front of a registry that does something at each request. */
export interface StepFront extends AsyncDisposable {
  /** `localhost:PORT`. */
  readonly host: string;
  /** The requests so far, and the status of each answer; 0 for none. */
  readonly steps: readonly (RegistryStep & { readonly status: number })[];
}

/**
 * Starts a proxy in front of the registry at `host`. It calls `before` at each request; an answer of `before` is the
 * answer of the registry, which does not get the request then. It calls `after` when the registry has answered, before
 * the client gets the answer.
 */
export function stepFront(
  host: string,
  { before, after }: {
    readonly before?: (step: RegistryStep) => Promise<Response | void> | Response | void;
    readonly after?: (step: RegistryStep) => Promise<Response | void> | Response | void;
  },
): StepFront {
  const steps: (RegistryStep & { status: number })[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {}, onError: () => new Response() },
    async (request) => {
      const url = new URL(request.url);
      const step = { number: steps.length + 1, method: request.method, path: url.pathname };
      const noted = { ...step, status: 0 };
      steps.push(noted);
      const own = await before?.(step);
      if (own !== undefined) {
        noted.status = own.status;
        return own;
      }
      const headers = new Headers(request.headers);
      headers.set("x-forwarded-host", `localhost:${server.addr.port}`);
      const answer = await fetch(`http://${host}${url.pathname}${url.search}`, {
        method: request.method,
        headers,
        redirect: "manual",
        ...(request.body === null ? {} : { body: request.body }),
      });
      noted.status = answer.status;
      const other = await after?.(step);
      if (other === undefined) return answer;
      await answer.body?.cancel();
      return other;
    },
  );
  return {
    host: `localhost:${server.addr.port}`,
    steps,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
