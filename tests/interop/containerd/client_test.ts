/** varve as a client of the real containerd: its content store, its leases, and what it says about itself. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connectContainerd } from "../../../lib/containerd/client/connect.ts";
import type { Containerd } from "../../../lib/containerd/client/contract.ts";
import { type Digest, sha256 } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import { needs } from "../../support/machine/needs.ts";
import { run } from "../../support/machine/process.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";
import { startContainerd } from "../../support/peers/containerd.ts";

const NEEDS = needs({ root: true, mount: true, tools: ["containerd", "ctr"] });
const NAMESPACE = "varve-test";

async function* pieces(...all: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  for (const piece of all) yield await Promise.resolve(piece);
}

async function codeOf(work: () => Promise<unknown>): Promise<string> {
  return (await assertRejects(work, VarveError)).code;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  return await Array.fromAsync(items);
}

Deno.test({
  name: "containerd's content store is written, listed and read, by namespace",
  ...NEEDS,
  async fn(test) {
    await using dir = await tempDir("varve-test-", "/var/tmp");
    await using daemon = await startContainerd(dir.path);
    const socket = daemon.ctr[2] as string;
    using containerd = await connectContainerd(socket);
    const { content, leases } = containerd;
    const big = new Uint8Array(5 * 1024 * 1024 + 7).map((_, i) => i * 7 + (i >> 11));
    const digest = sha256(big);
    const request = { ref: "one", namespace: NAMESPACE, labels: { role: 'a b"c' } };

    await test.step("a new blob, in pieces", async () => {
      const written = await content.write(request, pieces(big.subarray(0, 9), big.subarray(9)));
      assertEquals(written, { digest, size: big.length });
      const info = await content.info(digest, NAMESPACE);
      assertEquals([info.size, info.labels["role"]], [big.length, 'a b"c']);
      assert(Math.abs((info.createdAt as number) - Date.now()) < 600_000);
    });
    await test.step("one that exists already, known before or found at the end", async () => {
      assertEquals(await content.write({ ...request, ref: "two" }, pieces(big)), {
        digest,
        size: big.length,
      });
      assertEquals(
        await content.write({ ...request, ref: "three", expected: digest }, pieces(big)),
        { digest, size: big.length },
      );
    });
    await test.step("a writer that fails leaves nothing, and its name is free", async () => {
      const broken = async function* () {
        yield new Uint8Array(1000);
        await Promise.resolve();
        throw new Error("the writer is gone");
      };
      await assertRejects(
        () => content.write({ ...request, ref: "four" }, broken()),
        Error,
        "gone",
      );
      const { stdout } = await run([...daemon.ctr, "-n", NAMESPACE, "content", "active"]);
      assert(!stdout.includes("four"), stdout);
      const small = new Uint8Array([1, 2, 3]);
      const again = () => content.write({ ref: "four", namespace: NAMESPACE }, pieces(small));
      // containerd frees the name when it has noticed the end of the call.
      let written: { readonly digest: Digest } | undefined;
      while (written === undefined) {
        written = await again().catch((error) => {
          if (error.code !== "E_BUSY") throw error;
          return undefined;
        });
      }
      assertEquals(written.digest, sha256(small));
    });
    await test.step("bytes with another digest", async () => {
      const wrong = { ...request, ref: "five", expected: sha256(new Uint8Array([9])) };
      assertEquals(await codeOf(() => content.write(wrong, pieces(big))), "E_DIGEST");
    });
    await test.step("all of it, and a part of it", async () => {
      const read = await all(content.read(digest, NAMESPACE));
      assertEquals(sha256(concat(read)), digest);
      const part = await all(content.read(digest, NAMESPACE, { offset: 5, size: 11 }));
      assertEquals(concat(part), big.slice(5, 16));
    });
    await test.step("a filter", async () => {
      const found = await all(content.list([`labels.role==${JSON.stringify('a b"c')}`], NAMESPACE));
      assertEquals(found.map((info) => info.digest), [digest]);
      assertEquals(await all(content.list(["labels.role==other"], NAMESPACE)), []);
    });
    await test.step("a label more", async () => {
      await content.label(digest, NAMESPACE, { "example.org/more.than": "1" });
      const { labels } = await content.info(digest, NAMESPACE);
      assertEquals([labels["role"], labels["example.org/more.than"]], ['a b"c', "1"]);
      assertEquals(await codeOf(() => content.label(digest, "other", { a: "1" })), "E_NOT_FOUND");
    });
    await test.step("another namespace does not have it", async () => {
      assertEquals(await codeOf(() => content.info(digest, "other")), "E_NOT_FOUND");
      assertEquals(await codeOf(() => all(content.read(digest, "other"))), "E_NOT_FOUND");
    });
    await test.step("its file", async () => {
      const root = await content.root();
      const file = await Deno.readFile(`${root}/blobs/sha256/${digest.slice("sha256:".length)}`);
      assertEquals(sha256(file), digest);
    });
    await test.step("a lease keeps a blob from containerd's gc until it ends", async () => {
      const labels = { "containerd.io/gc.expire": new Date(Date.now() + 600_000).toISOString() };
      const lease = await leases.create(NAMESPACE, labels);
      const bytes = new TextEncoder().encode("leased");
      await content.write({ ref: "six", namespace: NAMESPACE, lease }, pieces(bytes));
      await collect(daemon.ctr);
      assertEquals((await content.info(sha256(bytes), NAMESPACE)).size, bytes.length);
      assertEquals(await codeOf(() => content.info(digest, NAMESPACE)), "E_NOT_FOUND");
      await leases.delete(lease, NAMESPACE);
      await leases.delete(lease, NAMESPACE);
      await collect(daemon.ctr);
      assertEquals(await codeOf(() => content.info(sha256(bytes), NAMESPACE)), "E_NOT_FOUND");
    });
    await test.step("what it says about itself", () => about(containerd));
  },
});

/** A deletion with `--sync` waits for the gc of containerd. */
async function collect(ctr: readonly string[]): Promise<void> {
  await run([...ctr, "-n", NAMESPACE, "leases", "create", "--id", "turn"]);
  await run([...ctr, "-n", NAMESPACE, "leases", "rm", "--sync", "turn"]);
}

async function about({ introspection }: Containerd): Promise<void> {
  assert((await introspection.version()).length > 0);
  const { pid } = await introspection.server();
  assertEquals((await Deno.readTextFile(`/proc/${pid}/comm`)).trim(), "containerd");
  const plugins = await introspection.plugins(["type==io.containerd.snapshotter.v1"]);
  const native = plugins.find(({ id }) => id === "native");
  assertEquals([native?.error, native?.type], [null, "io.containerd.snapshotter.v1"]);
}

Deno.test({
  name: "a containerd that is away is busy, and a signal ends a call with its reason",
  ...NEEDS,
  // grpc-js waits to connect again, with a timer that does not hold the process.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using dir = await tempDir();
    using containerd = await connectContainerd(dir.join("nobody.sock"));
    const error = await assertRejects(() => containerd.introspection.version(), VarveError);
    assertEquals(error.code, "E_BUSY");
    assert(error.message.startsWith(`Cannot reach containerd at ${dir.join("nobody.sock")}`));
    const reason = new Error("enough");
    const caught = await containerd.introspection.version(AbortSignal.abort(reason))
      .catch((thrown) => thrown);
    assertEquals(caught, reason);
  },
});

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
