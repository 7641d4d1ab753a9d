/** HTTP by hand: what no client would send. */

/** Sends texts as they are to a port of loopback, and reads until the server closes the connection, in whatever way. */
export async function sendRaw(port: number, ...texts: string[]): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const reading = readAll(connection);
  try {
    for (const text of texts) {
      const bytes = new TextEncoder().encode(text);
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    }
  } catch (error) {
    // The server has closed already; what it said is read.
    if (!isCut(error)) throw error;
  }
  return await reading;
}

async function readAll(connection: Deno.TcpConn): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    const bytes = new Uint8Array(4096);
    for (let read; (read = await connection.read(bytes)) !== null;) {
      text += decoder.decode(bytes.subarray(0, read), { stream: true });
    }
  } catch (error) {
    if (!isCut(error)) throw error;
  }
  return text;
}

function isCut(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe;
}

/** The head of a request after which the connection ends. */
export function requestHead(method: string, path: string, ...headers: readonly string[]): string {
  return [`${method} ${path} HTTP/1.1`, "host: localhost", "connection: close", ...headers, "", ""]
    .join("\r\n");
}
