/** A pull that is killed goes on in the next command, with the bytes that came. */
import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { openStore } from "../../lib/store/mod.ts";
import { judgeStore } from "../conformance/store_judge.ts";
import { Cli } from "../support/cli/cli.ts";
import { buildImage, type BuiltImage, type Packing } from "../support/images/images.ts";
import { killGroup } from "../support/machine/process.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { prng } from "../support/prng.ts";
import { imageAnswer, Servers } from "../support/registry/hostile_registry.ts";

const MIB = 2 ** 20;
/** What may be on its way to the disk when a process dies: the buffer of the file. */
const LOST = MIB / 2;
const PIECE = 64 * 1024;

/** Serves an image; its layer only up to `hold`, and then nothing more comes. */
class HoldingRegistry implements AsyncDisposable {
  hold = Infinity;
  /** Bytes of the layer that were sent. */
  sent = 0;
  /** First bytes of the requests for the layer. */
  readonly starts: number[] = [];
  readonly #servers = new Servers();
  readonly name: string;

  constructor(image: BuiltImage) {
    const [layer] = image.layers;
    assert(layer !== undefined);
    const { blob, descriptor: { digest } } = layer;
    const origin = this.#servers.start(
      (request, { pathname }) =>
        pathname.endsWith(`/blobs/${digest}`) ? this.#serve(request, blob) : undefined,
      imageAnswer(image),
    );
    this.name = `${new URL(origin).host}/app:1`;
  }

  #serve(request: Request, blob: Uint8Array<ArrayBuffer>): Response {
    const from = Number(/^bytes=([0-9]+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
    this.starts.push(from);
    const { promise: cancelled, resolve: cancel } = Promise.withResolvers<void>();
    let at = from;
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const piece = blob.subarray(at, Math.min(at + PIECE, this.hold));
        if (piece.length === 0 && at < blob.length) return await cancelled;
        if (piece.length === 0) return controller.close();
        controller.enqueue(piece);
        at += piece.length;
        this.sent += piece.length;
      },
      cancel,
    }, { highWaterMark: 0 });
    return new Response(body, {
      status: from === 0 ? 200 : 206,
      headers: {
        "content-length": `${blob.length - from}`,
        "content-range": `bytes ${from}-${blob.length - 1}/${blob.length}`,
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#servers[Symbol.asyncDispose]();
  }
}

/** A store, a registry, and pulls from it. */
interface Scene {
  readonly temp: TempDir;
  readonly cli: Cli;
  readonly image: BuiltImage;
  readonly registry: HoldingRegistry;
}

/** Pulls until so many bytes of the layer are on the disk, lets another process look at the store, and kills. */
async function killedPull({ temp, cli, image, registry }: Scene, hold: number): Promise<void> {
  registry.hold = hold;
  const part = `${temp.join("store/ingest")}/${image.layers[0]?.descriptor.digest}.part`;
  const watcher = Deno.watchFs(temp.join("store/ingest"), { recursive: false });
  const [program, ...args] = cli.command(["pull", registry.name, "--quiet"]);
  const child = new Deno.Command(program as string, {
    args,
    env: { VARVE_ROOT: temp.join("store"), VARVE_DURABILITY: "none" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  // Where it ends by itself there is nothing more to watch.
  const ended = child.status.then(() => watcher.close());
  try {
    for await (const _ of watcher) {
      const size = (await Deno.stat(part).catch(() => null))?.size ?? 0;
      if (size >= hold - LOST) break;
    }
    // Its start takes away what belongs to nobody.
    assertEquals(await cli.json(["images"]), []);
  } finally {
    killGroup(child.pid);
    await ended;
  }
  assertGreaterOrEqual((await Deno.stat(part)).size, hold - LOST);
  registry.hold = Infinity;
}

async function withScene(packing: Packing, fn: (scene: Scene) => Promise<void>): Promise<void> {
  await using temp = await tempDir();
  const content = prng(5).bytes(20 * MIB);
  const image = buildImage({ packing, layers: [[{ name: "file", content }]] });
  await using registry = new HoldingRegistry(image);
  const cli = new Cli(temp.join("store"));
  await (await openStore({ root: temp.join("store") }))[Symbol.asyncDispose]();
  await fn({ temp, cli, image, registry });
  await using store = await openStore({ root: temp.join("store") });
  await judgeStore(store);
  const names = await Array.fromAsync(Deno.readDir(temp.join("store/ingest")));
  assertEquals(names.filter(({ name }) => name.endsWith(".part")), []);
}

for (const packing of ["gzip", "none"] as const) {
  Deno.test(`a pull that is killed again and again transfers each byte once: ${packing}`, async () => {
    await withScene(packing, async (scene) => {
      const { cli, image, registry } = scene;
      for (const hold of [6, 11, 16]) await killedPull(scene, hold * MIB);
      const { images: [pulled] } = await cli.json(["pull", registry.name]);
      assertEquals(pulled.chainId, image.chainId);
      const size = image.layers[0]?.blob.length ?? 0;
      assert(registry.sent <= 1.1 * size, `${registry.sent} bytes for ${size}`);
      assertEquals(registry.starts.length, 4);
    });
  });
}

Deno.test("bytes that a killed pull left are verified, and wrong ones are fetched again", async () => {
  await withScene("gzip", async (scene) => {
    const { temp, cli, image, registry } = scene;
    await killedPull(scene, 6 * MIB);
    const digest = image.layers[0]?.descriptor.digest;
    {
      using file = await Deno.open(`${temp.join("store/ingest")}/${digest}.part`, { write: true });
      await file.seek(3 * MIB, Deno.SeekMode.Start);
      await file.write(new Uint8Array(16));
    }
    const { images: [pulled] } = await cli.json(["pull", registry.name]);
    assertEquals(pulled.chainId, image.chainId);
    assertEquals(registry.starts.at(-1), 0);
  });
});
