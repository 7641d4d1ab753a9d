/** Registries on loopback that answer as a test wants, and record all requests. */
import type { ClientConfig, Credential } from "../../../lib/registry/mod.ts";
import type { BuiltImage } from "../images/images.ts";
import { DEADLINE } from "../machine/wait.ts";

/** A request that a server got. */
export interface SeenRequest {
  /** The server's origin. */
  readonly origin: string;
  readonly method: string;
  readonly path: string;
  /** The whole request as text: method, address, headers, and the body of a POST. */
  readonly all: string;
  readonly headers: Headers;
}

/** Answers a request; `undefined` leaves it to the next answer. */
export type Answer = (
  request: Request,
  url: URL,
) => Response | undefined | Promise<Response | undefined>;

/** Servers of one test, with one log. */
export class Servers implements AsyncDisposable {
  readonly seen: SeenRequest[] = [];
  readonly #servers: Deno.HttpServer<Deno.NetAddr>[] = [];

  /** Starts a server. Answers are tried in their order; the last is 404. @returns its origin */
  start(...answers: Answer[]): string {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        const url = new URL(request.url);
        const headers = [...request.headers].map(([name, value]) => `${name}: ${value}`);
        const body = request.method === "POST" ? await request.text() : "";
        this.seen.push({
          origin: url.origin,
          method: request.method,
          path: url.pathname + url.search,
          headers: request.headers,
          all: [request.method, request.url, ...headers, body].join("\n"),
        });
        for (const answer of answers) {
          const response = await answer(request, url);
          if (response !== undefined) return response;
        }
        return new Response("", { status: 404 });
      },
    );
    this.#servers.push(server);
    return `http://127.0.0.1:${server.addr.port}`;
  }

  /** Origins that got a secret, in whatever way. */
  originsThatGot(secret: string): string[] {
    const forms = [secret, btoa(secret)];
    const told = this.seen.filter(({ all, headers }) =>
      forms.some((form) => all.includes(form) || decodedBasic(headers).includes(form))
    );
    return [...new Set(told.map(({ origin }) => origin))].sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.shutdown()));
  }
}

function decodedBasic(headers: Headers): string {
  const match = /^Basic (.*)$/.exec(headers.get("authorization") ?? "");
  return match === null ? "" : atob(match[1] as string);
}

/**
 * A configuration for a registry at one or more origins. It loses no time before it asks again; what
 * never answers is given up by tests that set their own `idleTimeout`.
 */
export function configFor(
  origins: string | readonly string[],
  credentials: Readonly<Record<string, Credential>> = {},
  more: Partial<ClientConfig> = {},
): ClientConfig {
  return {
    registry: "r.example",
    endpoints: [origins].flat().map((origin) => ({
      origin,
      path: "/v2",
      capabilities: ["pull", "resolve", "push"],
      namespace: null,
      headers: {},
      realms: [],
      unverified: false,
      caCerts: [],
      client: null,
    })),
    credentials,
    proxies: { http: null, https: null, none: [] },
    caCerts: [],
    idleTimeout: DEADLINE,
    attempts: 3,
    backoff: 1,
    userAgent: "test",
    ...more,
  };
}

/** The config and the layers of an image by digest. */
export function partsOf(image: BuiltImage): Map<string, Uint8Array<ArrayBuffer>> {
  return new Map([
    [image.imageId, image.config],
    ...image.layers.map(({ descriptor, blob }) => [descriptor.digest, blob] as const),
  ]);
}

/** Answers for an image in the repository `app`. */
export function imageAnswer(image: BuiltImage): Answer {
  const parts = partsOf(image);
  return (_, { pathname }) => {
    if (/^\/v2\/app\/manifests\//.test(pathname)) {
      return new Response(image.manifest, {
        headers: { "content-type": image.descriptor.mediaType },
      });
    }
    const bytes = parts.get(/^\/v2\/app\/blobs\/(.*)$/.exec(pathname)?.[1] ?? "");
    return bytes === undefined ? undefined : new Response(bytes, { headers: { etag: '"e"' } });
  };
}

/** Answers 401 with a Bearer challenge, except to requests with this token. */
export function bearerAnswer(token: string, realm: () => string, more = ""): Answer {
  return (request) => {
    if (request.headers.get("authorization") === `Bearer ${token}`) return undefined;
    return new Response("", {
      status: 401,
      headers: { "www-authenticate": `Bearer realm="${realm()}",service="s"${more}` },
    });
  };
}
