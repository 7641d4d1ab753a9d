/** Bytes of the head of a request. */
const MAX_HEAD = 64 * 1024;

/**
 * The head of a request, to its empty line; `""` when there is none that ends.
 *
 * One byte at a time: what follows the head is read by others.
 */
export async function readHead(client: Deno.Conn): Promise<string> {
  let head = "";
  const byte = new Uint8Array(1);
  while (!head.endsWith("\r\n\r\n")) {
    if (head.length >= MAX_HEAD || await client.read(byte) === null) return "";
    head += String.fromCharCode(byte[0] as number);
  }
  return head;
}

/** Writes all bytes. */
export async function writeAll(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}
