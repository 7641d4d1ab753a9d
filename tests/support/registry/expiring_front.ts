/** What stands before a registry, and lets the tokens that it has seen expire, once. */
export interface ExpiringFront extends AsyncDisposable {
  /** `localhost:PORT`. */
  readonly host: string;
  /** Requests whose token had expired. */
  readonly refused: () => number;
}

/** When they expire: in the middle of a blob that is fetched, whose connection is cut, or where an upload has begun. */
export type Moment = "blob" | "upload";

/**
 * Stands before a registry. After the moment, whoever comes with a token from before it is taken to have
 * shown `expired`, which the registry judges by itself.
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
        // Who is refused is so before a body is read.
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
        // Short of its length, and so the connection is cut.
        else controller.terminate();
      },
    }),
  );
}
