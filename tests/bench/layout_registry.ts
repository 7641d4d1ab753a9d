/**
 * An OCI layout as a registry on loopback, with ranges, as slow as it is told to be, in a process of
 * its own: `deno run layout_registry.ts '<LayoutSpec>'`. One line on stdout says where it is.
 */
import type { BenchImage } from "./real_images.ts";

/** What is served, and how fast. */
export interface LayoutSpec extends Pick<BenchImage, "layout"> {
  /** Bytes a second for each answer. */
  readonly each?: number;
  /** Bytes a second for all answers together. */
  readonly all?: number;
}

/** A registry that runs. */
export interface LayoutRegistry extends AsyncDisposable {
  /** A reference to the image. */
  readonly name: string;
  /** When the last byte of a blob went out, in ms since the epoch. */
  lastByte(): Promise<number>;
}

const CHUNK = 256 * 1024;
/** How far a gate may be behind its rate and make up for it, in ms: timers fire late. */
const LATE = 50;

/** Starts one. */
export async function layoutRegistry(spec: LayoutSpec): Promise<LayoutRegistry> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", import.meta.filename as string, JSON.stringify(spec)],
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const host = new TextDecoder().decode(value).trim();
  return {
    name: `${host}/app:1`,
    lastByte: async () => Number(await (await fetch(`http://${host}/last`)).text()),
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGKILL");
      await reader.cancel();
      await child.status;
    },
  };
}

/** Lets bytes pass at a rate. */
class Gate {
  readonly #rate: number;
  #free = 0;

  constructor(rate: number) {
    this.#rate = rate;
  }

  async pass(bytes: number): Promise<void> {
    const now = performance.now();
    this.#free = Math.max(this.#free, now - LATE) + bytes / this.#rate * 1000;
    const wait = this.#free - now;
    if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

async function serve({ layout, each = Infinity, all = Infinity }: LayoutSpec): Promise<void> {
  const index = JSON.parse(await Deno.readTextFile(`${layout}/index.json`));
  const [{ digest, mediaType }] = index.manifests;
  const blobAt = (digest: string) => `${layout}/blobs/${digest.replace(":", "/")}`;
  const shared = new Gate(all);
  let last = 0;
  const blob = async (path: string, range: string | null): Promise<Response> => {
    const file = await Deno.open(path);
    const { size } = await file.stat();
    const [, first = "0", end = ""] = /^bytes=([0-9]+)-([0-9]*)$/.exec(range ?? "") ?? [];
    const from = Number(first), to = end === "" ? size : Number(end) + 1;
    await file.seek(from, Deno.SeekMode.Start);
    const own = new Gate(each);
    let at = from;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const buffer = new Uint8Array(Math.min(CHUNK, to - at));
        const count = await file.read(buffer) ?? 0;
        at += count;
        await own.pass(count);
        await shared.pass(count);
        last = performance.timeOrigin + performance.now();
        if (count > 0) controller.enqueue(buffer.subarray(0, count));
        if (at < to && count > 0) return;
        file.close();
        controller.close();
      },
      cancel: () => file.close(),
    }, { highWaterMark: 0 });
    return new Response(body, {
      status: range === null ? 200 : 206,
      headers: {
        "content-length": `${to - from}`,
        ...(range === null ? {} : { "content-range": `bytes ${from}-${to - 1}/${size}` }),
      },
    });
  };
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }) => Deno.stdout.writeSync(new TextEncoder().encode(`localhost:${port}\n`)),
  }, async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/last") return new Response(`${last}`);
    const wanted = /\/(manifests|blobs)\/(.*)$/.exec(pathname);
    if (wanted?.[1] === "manifests") {
      const bytes = await Deno.readFile(blobAt(digest));
      return new Response(bytes, { headers: { "content-type": mediaType ?? MANIFEST } });
    }
    if (wanted?.[1] === "blobs") {
      return await blob(blobAt(wanted[2] as string), request.headers.get("range"));
    }
    return new Response("{}", { status: pathname === "/v2/" ? 200 : 404 });
  });
  await server.finished;
}

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";

if (import.meta.main) await serve(JSON.parse(Deno.args[0] as string));
