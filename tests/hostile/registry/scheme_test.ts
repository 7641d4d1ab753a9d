/** TLS servers on loopback that get a request in plain http. */
import { assertEquals } from "@std/assert";
import { loadClientConfig, RegistryClient } from "../../../lib/registry/mod.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

/** The answer of Go's net/http to plain http at a TLS port. */
const GO = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
/** A registry that refuses a request in its own words. */
const REGISTRY = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n" +
  JSON.stringify({ errors: [{ code: "NAME_INVALID", message: "no such name" }] });
/** A fatal alert (RFC 8446, section 6): unexpected_message. */
const ALERT = "\x15\x03\x03\x00\x02\x02\x0a";

/** Gives every connection the same answer, and closes it. */
class Mute implements AsyncDisposable {
  readonly host: string;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #ended: Promise<void>;

  constructor(answer: string) {
    this.host = `127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
    this.#ended = this.#serve(Uint8Array.from(answer, (char) => char.charCodeAt(0)));
  }

  async #serve(answer: Uint8Array): Promise<void> {
    for await (const connection of this.#listener) {
      await connection.read(new Uint8Array(4096));
      await connection.write(answer);
      connection.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#ended;
  }
}

Deno.test("a TLS registry on loopback: the error has a hint, unless plain http was configured", async () => {
  await using temp = await tempDir();
  for (
    const [answer, waits] of [[GO, true], [ALERT, true], ["", true], [REGISTRY, false]] as const
  ) {
    await using server = new Mute(answer);
    const { host } = server;
    const hostsDirectories = [temp.path];
    const hints = async (options: { readonly plainHttp?: boolean } = {}) => {
      const more = { hostsDirectories, attempts: 1, ...options };
      using client = new RegistryClient(await loadClientConfig(host, "app", more));
      const name = { repository: "app", tag: "1" };
      // An answer to HEAD has no body, whoever sends it.
      const asked: Promise<unknown>[] = [client.ping(), client.manifest(name)];
      if (waits) asked.push(client.hasManifest(name));
      const ends = await Promise.all(asked.map((one) => one.then(() => ({}), (error) => error)));
      assertEquals(ends.map(({ code }) => code), ends.map(() => "E_REGISTRY"));
      return [...new Set(ends.map(({ details }) => details.hint))];
    };
    const hint =
      `plain http was assumed because the registry is on this machine; if it speaks https, put server = ` +
      `"https://${host}" into its hosts.toml`;
    const wanted = [waits ? hint : undefined];
    assertEquals(await hints(), wanted, answer);
    assertEquals(await hints({ plainHttp: true }), [undefined]);
    // The same with a hosts file that names no scheme.
    const folder = temp.join(host);
    await Deno.mkdir(folder);
    await Deno.writeTextFile(`${folder}/hosts.toml`, `capabilities = ["pull", "resolve"]`);
    assertEquals(await hints(), wanted, answer);
    await Deno.writeTextFile(`${folder}/hosts.toml`, `server = "http://${host}"`);
    assertEquals(await hints(), [undefined]);
  }
});
