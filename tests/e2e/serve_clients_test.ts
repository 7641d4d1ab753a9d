/** What bad, dead and slow clients do to `varve serve`: nothing. And how it ends while they are there. */
import { assertEquals } from "@std/assert";
import { createGrpcClient } from "../../lib/containerd/grpc/grpc_client.ts";
import { Snapshots } from "../../lib/containerd/proto/generated/snapshots_pb.ts";
import { type Served, served } from "../support/containerd/served.ts";
import { type TempDir, tempDir } from "../support/machine/temp_dir.ts";
import { waitUntil } from "../support/machine/wait.ts";
import { type Prng, prng } from "../support/prng.ts";

const { prepare, stat } = Snapshots.method;

/** Snapshots with labels: together far more than a client takes ahead. */
const ROWS = 60, LABELS = 10, LABEL = "x".repeat(4000);

interface Bench extends AsyncDisposable {
  readonly temp: TempDir;
  readonly socket: string;
  readonly daemon: Served;
}

/** A daemon whose list is long. */
async function bench(): Promise<Bench> {
  await using stack = new AsyncDisposableStack();
  const temp = stack.use(await tempDir());
  const socket = temp.join("varve.sock");
  const daemon = stack.use(
    await served(temp.join("store"), {
      args: ["--socket", socket, "--driver", "native"],
      // glibc overwrites what is freed, so that a use of it is seen.
      env: { MALLOC_PERTURB_: "165" },
    }),
  );
  using client = await createGrpcClient(socket);
  const labels = Object.fromEntries(Array.from({ length: LABELS }, (_, i) => [`l${i}`, LABEL]));
  for (let i = 0; i < ROWS; i++) {
    await client.unary(prepare, { key: `default/${i}/row`, labels });
  }
  const owned = stack.move();
  return { temp, socket, daemon, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Bytes that a client of HTTP/2 takes before it says that it has room for more. */
const WINDOW = 65_535;

/** A client that has asked for the list, and reads no more than the beginning. */
class StalledClient {
  readonly #connection: Deno.Conn;

  private constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  static async ask(socket: string): Promise<StalledClient> {
    const text = (value: string) => [value.length, ...new TextEncoder().encode(value)];
    // RFC 7541: POST, http, then fields without an index.
    const headers = [
      ...[0x83, 0x86, 0x04, ...text("/containerd.services.snapshots.v1.Snapshots/List")],
      ...[0x01, ...text("localhost")],
      ...[0x00, ...text("content-type"), ...text("application/grpc")],
      ...[0x00, ...text("te"), ...text("trailers")],
    ];
    const connection = await Deno.connect({ transport: "unix", path: socket });
    const client = new StalledClient(connection);
    // The request is an empty message.
    await client.#send(
      PREFACE,
      frame(4, 0, 0, new Uint8Array()),
      frame(1, 4, 1, new Uint8Array(headers)),
      frame(0, 1, 1, new Uint8Array(5)),
    );
    await client.#read(WINDOW);
    return client;
  }

  close(): void {
    this.#connection.close();
  }

  async #send(...frames: readonly Uint8Array[]): Promise<void> {
    const bytes = new Uint8Array(frames.flatMap((each) => [...each]));
    for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
  }

  /** Reads so many bytes, or until the end. */
  async #read(most: number): Promise<number> {
    const buffer = new Uint8Array(65_536);
    let count = 0;
    while (count < most) {
      const read = await this.#connection.read(buffer);
      if (read === null) break;
      count += read;
    }
    return count;
  }
}

/** Number of open connections of a daemon. */
async function connections(pid: number): Promise<number> {
  let count = 0;
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    const target = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => "");
    if (target.startsWith("socket:")) count++;
  }
  return count;
}

async function isAnswered(socket: string): Promise<void> {
  using client = await createGrpcClient(socket);
  const { info } = await client.unary(stat, { key: "default/7/row" });
  assertEquals(info?.name, "default/7/row");
}

const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** A frame of HTTP/2 (RFC 9113, 4.1). */
function frame(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const head = [length >> 16, length >> 8, length, type, flags, 0, 0, stream >> 8, stream];
  return new Uint8Array([...head.map((byte) => byte & 255), ...payload]);
}

/** What bad clients send: rubbish, other protocols, beginnings of the right one, frames without sense. */
function badBytes(random: Prng): Uint8Array {
  const settings = frame(4, 0, 0, new Uint8Array());
  const type = random.int(0, 12);
  // GOAWAY is the subject of another test.
  const wild = frame(
    type === 7 ? 13 : type,
    random.int(0, 256),
    random.int(0, 9),
    random.bytes(random.int(0, 64)),
  );
  const kinds: readonly Uint8Array[] = [
    new Uint8Array(),
    random.bytes(random.int(1, 2000)),
    new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    new Uint8Array([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, ...random.bytes(200)]),
    PREFACE.subarray(0, random.int(1, PREFACE.length)),
    PREFACE,
    new Uint8Array([...PREFACE, ...settings]),
    new Uint8Array([...PREFACE, ...settings, ...wild]),
    // A frame that says that more follows than comes.
    new Uint8Array([...PREFACE, ...settings, 0, 255, 255, 0, 0, 0, 0, 0, 1]),
    new Uint8Array([...PREFACE, ...settings, ...frame(1, 4, 1, random.bytes(40))]),
    // A header block that never ends.
    new Uint8Array([...PREFACE, ...settings, ...frame(1, 0, 1, new Uint8Array([0x82]))]),
  ];
  return random.pick(kinds);
}

/** Opens so many connections and sends bad bytes on each. */
async function badClients(path: string, count: number, random: Prng): Promise<Deno.UnixConn[]> {
  return await Promise.all(Array.from({ length: count }, async () => {
    const bytes = badBytes(random);
    const connection = await Deno.connect({ transport: "unix", path });
    // The daemon may have closed it already.
    await connection.write(bytes).catch(() => {});
    return connection;
  }));
}

Deno.test("serve: hundreds of garbage and half-open connections hurt nobody, at the end neither", async () => {
  await using it = await bench();
  const { socket, daemon } = it;
  await isAnswered(socket);
  const before = await connections(daemon.pid);
  const random = prng(4);
  const bad = await badClients(socket, 300, random);
  await isAnswered(socket);
  for (const connection of bad) connection.close();
  await isAnswered(socket);
  await waitUntil(
    "the end of all connections",
    async () => await connections(daemon.pid) <= before,
    { seen: () => before },
  );
  const last = await badClients(socket, 300, random);
  const { code, stderr } = await daemon.end("SIGTERM");
  for (const connection of last) connection.close();
  assertEquals([code, stderr], [0, ""]);
});

Deno.test("serve: clients that go while they read a list leave nothing", async () => {
  await using it = await bench();
  await isAnswered(it.socket);
  const before = await connections(it.daemon.pid);
  for (let turn = 0; turn < 3; turn++) {
    const clients = await Promise.all(
      Array.from({ length: 4 }, () => StalledClient.ask(it.socket)),
    );
    for (const client of clients) client.close();
  }
  await waitUntil(
    "the end of all connections",
    async () => await connections(it.daemon.pid) <= before,
    { seen: () => before },
  );
  await isAnswered(it.socket);
});
