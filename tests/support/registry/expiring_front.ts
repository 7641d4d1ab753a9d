/** A proxy in front of a registry that lets all tokens so far expire, once. */
export interface ExpiringFront extends AsyncDisposable {
  /** `localhost:PORT`. */
  readonly host: string;
  /** Number of requests that came with an expired token. */
  readonly refused: () => number;
}

/** When the tokens expire: in the middle of a large blob, whose connection is cut as well, or when an upload begins. */
export type Moment = "blob" | "upload";

/**
 * Starts a proxy in front of the registry at `host`. After the moment, it replaces each token from
 * before by `expired`, a real token whose time is over, so that the registry itself refuses it.
 */
export function expiringFront(host: string, expired: string, moment: Moment): ExpiringFront {
  const seen = new Set<string>();
  const gone = new Set<string>();
  let [over, refused] = [false, 0];
  const expire = () => {
    over = true;
    for (const token of seen) gone.add(token);
  };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const url = new URL(request.url);
      const token = request.headers.get("authorization") ?? "";
      const headers = new Headers(request.headers);
      headers.set("x-forwarded-host", `localhost:${server.addr.port}`);
      const isGone = gone.has(token);
      if (token !== "") seen.add(token);
      if (isGone) {
        refused++;
        headers.set("authorization", `Bearer ${expired}`);
        headers.delete("content-length");
      }
      const answer = await fetch(`http://${host}${url.pathname}${url.search}`, {
        method: request.method,
        headers,
        redirect: "manual",
        // The registry refuses before it reads a body.
        ...(isGone || request.body === null ? {} : { body: request.body }),
      });
      if (over || answer.status >= 400) return answer;
      if (moment === "upload" && answer.status === 202) expire();
      const size = Number(answer.headers.get("content-length"));
      if (moment === "blob" && request.method === "GET" && size > 1_000_000) {
        expire();
        return new Response(firstHalf(answer, size / 2), answer);
      }
      return answer;
    },
  );
  return {
    host: `localhost:${server.addr.port}`,
    refused: () => refused,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function firstHalf({ body }: Response, most: number): ReadableStream<Uint8Array> {
  let left = most;
  return (body as ReadableStream<Uint8Array>).pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        left -= chunk.length;
        if (left > 0) controller.enqueue(chunk);
        // Shorter than its Content-Length: the server cuts the connection.
        else controller.terminate();
      },
    }),
  );
}
