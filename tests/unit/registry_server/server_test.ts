/** The parts of varve's registry that need no network. */
import { assertEquals, assertRejects } from "@std/assert";
import { parseListen } from "../../../lib/cli/verbs/registry_serve.ts";
import type { Digest } from "../../../lib/digest/mod.ts";
import { isLoopback, mayBeCalled } from "../../../lib/registry_server/allowed_hosts.ts";
import { rangeOf } from "../../../lib/registry_server/blobs.ts";
import { Refusal } from "../../../lib/registry_server/http.ts";
import { nameOnTheWire, repositoryOf, rowName } from "../../../lib/registry_server/names.ts";
import { type Upload, Uploads } from "../../../lib/registry_server/uploads.ts";
import { codeOf } from "../../support/code_of.ts";
import { sha256Of } from "../../support/images/images.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

/** With `foo_bar.baz/` as long as a name may be. */
const LONG = "x".repeat(255 - "foo_bar.baz/".length);

Deno.test("server: a name on the wire is read as Docker reads it, and back", () => {
  for (
    const [asked, full, back] of [
      ["debian", "docker.io/library/debian", "library/debian"],
      ["library/debian", "docker.io/library/debian", "library/debian"],
      ["docker.io/library/debian", "docker.io/library/debian", "library/debian"],
      ["team/app", "docker.io/team/app", "team/app"],
      ["quay.io/team/app", "quay.io/team/app", "quay.io/team/app"],
      ["localhost/app", "localhost/app", "localhost/app"],
      ["localhost__5000/app", "localhost:5000/app", "localhost__5000/app"],
      ["a__b/c", "docker.io/a__b/c", "a__b/c"],
      ["foo_bar.baz/x", "docker.io/foo_bar.baz/x", "foo_bar.baz/x"],
      ["a__b.c/d", "docker.io/a__b.c/d", "a__b.c/d"],
      ["foo_bar.baz__5000/x", "docker.io/foo_bar.baz__5000/x", "foo_bar.baz__5000/x"],
      ["foo_bar.baz", "docker.io/library/foo_bar.baz", "library/foo_bar.baz"],
      [`foo_bar.baz/${LONG}`, `docker.io/foo_bar.baz/${LONG}`, `foo_bar.baz/${LONG}`],
    ] as const
  ) {
    assertEquals(repositoryOf(asked)?.full, full, asked);
    const row = rowName(`${full}:1`);
    assertEquals([row?.full, row?.name, row?.tag], [full, back, "1"], asked);
  }
  for (const bad of ["", "A", "a//b", "a/", "/a", "../a", "a/..", "a:1", "a@b", "a".repeat(256)]) {
    assertEquals(repositoryOf(bad), undefined, bad);
  }
  assertEquals(nameOnTheWire({ registry: "[::1]:5000", repository: "app" }), undefined);
  assertEquals(rowName("<none>@sha256:0"), undefined);
});

Deno.test("server: one range of a blob, or the whole", () => {
  for (
    const [header, expected] of [
      [undefined, undefined],
      ["bytes=0-", { start: 0, end: 10 }],
      ["bytes=0-0", { start: 0, end: 1 }],
      ["bytes=9-99", { start: 9, end: 10 }],
      ["bytes=-3", { start: 7, end: 10 }],
      ["bytes=-99", { start: 0, end: 10 }],
      ["bytes=10-", "unsatisfiable"],
      ["bytes=-0", "unsatisfiable"],
      ["bytes=5-4", undefined],
      ["bytes=-", undefined],
      ["bytes=0-1,3-4", undefined],
      ["bytes=a-b", undefined],
      ["bits=0-1", undefined],
    ] as const
  ) assertEquals(rangeOf(header, 10), expected, header);
  assertEquals(rangeOf("bytes=0-", 0), "unsatisfiable");
});

Deno.test("server: which addresses only this machine reaches, and how it may be called", () => {
  for (const name of ["127.0.0.1", "127.8.9.10", "::1", "localhost"]) {
    assertEquals(isLoopback(name), true, name);
  }
  for (const name of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.evil.com", "example.org", ""]) {
    assertEquals(isLoopback(name), false, name);
  }
  for (
    const host of [
      "localhost:5000",
      "LOCALHOST",
      "127.0.0.1:1",
      "[::1]:5000",
      "app.localhost:80",
      "host.docker.internal:5000",
    ]
  ) assertEquals(mayBeCalled(host), true, host);
  for (const host of ["", "evil.com", "localhost.evil.com:5000", "127.0.0.1.evil.com", "a:b:c"]) {
    assertEquals(mayBeCalled(host), false, host);
  }
});

Deno.test("registry serve: what it listens on", () => {
  assertEquals(parseListen("127.0.0.1:5000"), { hostname: "127.0.0.1", port: 5000 });
  assertEquals(parseListen("[::1]:0"), { hostname: "::1", port: 0 });
  assertEquals(parseListen("localhost:65535").port, 65_535);
  for (const bad of ["", "5000", "127.0.0.1", "127.0.0.1:", ":5000", "a:65536", "::1:5", "a:-1"]) {
    let code = "ok";
    try {
      parseListen(bad);
    } catch (error) {
      code = (error as { code: string }).code;
    }
    assertEquals(code, "E_USAGE", bad);
  }
});

const BYTES = new TextEncoder().encode("some bytes");
const DIGEST = sha256Of(BYTES) as Digest;
const LIFETIME = 1000;

/** Uploads in a directory, at a clock that is set by hand. */
async function uploadsAt(directory: string) {
  const clock = { now: 0 };
  await Deno.mkdir(directory);
  const uploads = new Uploads({
    directory: () => Promise.resolve(directory),
    lifetime: LIFETIME,
    maxBytes: 100,
    now: () => clock.now,
  });
  const files = () => [...Deno.readDirSync(directory)].length;
  return { uploads, clock, files };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function statusOf(act: () => unknown): Promise<number> {
  const error = await assertRejects(async () => await act());
  if (!(error instanceof Refusal)) throw error;
  return error.status;
}

Deno.test("server: an upload that nobody uses is dropped with its bytes, one in use is not", async () => {
  await using temp = await tempDir();
  const { uploads, clock, files } = await uploadsAt(temp.join("u"));
  const left = await uploads.begin("app");
  await uploads.append(left, once(BYTES));
  clock.now = LIFETIME - 1;
  const used = await uploads.begin("app");
  await uploads.sweep();
  assertEquals(uploads.get("app", left.id).size, BYTES.length);
  clock.now = LIFETIME;
  await uploads.sweep();
  assertEquals(await statusOf(() => uploads.get("app", left.id)), 404);
  assertEquals(files(), 1);
  // A request that writes may take as long as it likes.
  const more = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const writing = uploads.append(
    used,
    (async function* () {
      begun.resolve();
      await more.promise;
      yield BYTES;
    })(),
  );
  await begun.promise;
  clock.now = 100 * LIFETIME;
  await uploads.sweep();
  more.resolve();
  assertEquals((await writing).size, BYTES.length);
  await uploads.finish(used, DIGEST);
  clock.now += LIFETIME - 1;
  await uploads.sweep();
  assertEquals(uploads.blob(DIGEST)?.size, BYTES.length);
  clock.now += LIFETIME;
  await uploads.sweep();
  assertEquals([uploads.blob(DIGEST), files()], [undefined, 0]);
});

Deno.test("server: a blob that is read stays until it is read, also when it is dropped", async () => {
  await using temp = await tempDir();
  const { uploads, clock } = await uploadsAt(temp.join("u"));
  const upload = await uploads.begin("app");
  await uploads.append(upload, once(BYTES));
  await uploads.finish(upload, DIGEST);
  {
    using held = uploads.hold(DIGEST);
    clock.now = 2 * LIFETIME;
    await uploads.sweep();
    assertEquals(await uploads.drop(DIGEST), true);
    assertEquals(await Deno.readFile(held?.path ?? ""), BYTES);
    assertEquals(uploads.hold(DIGEST), undefined);
  }
  await uploads[Symbol.asyncDispose]();
  await assertRejects(() => Deno.stat(temp.join("u")), Deno.errors.NotFound);
});

Deno.test("server: the newest request of an upload wins, and what came before it stays", async () => {
  await using temp = await tempDir();
  const { uploads } = await uploadsAt(temp.join("u"));
  const upload = await uploads.begin("app");
  const begun = Promise.withResolvers<void>();
  const hanging = uploads.append(
    upload,
    (async function* () {
      yield BYTES.subarray(0, 4);
      begun.resolve();
      await new Promise(() => {});
    })(),
  );
  const lost = statusOf(() => hanging);
  await begun.promise;
  const after = await uploads.append(upload, once(BYTES.subarray(4)), 4);
  assertEquals([await lost, after.size], [400, BYTES.length]);
  assertEquals(await statusOf(() => uploads.append(upload, once(BYTES), 4)), 416);
  assertEquals((await uploads.finish(upload, DIGEST)).digest, DIGEST);
});

Deno.test("server: an upload that cannot be written is given up, one that waits for it is told", async () => {
  await using temp = await tempDir();
  const { uploads, files } = await uploadsAt(temp.join("u"));
  const upload = await uploads.begin("app");
  await Deno.remove(`${temp.join("u")}/0`);
  await Deno.mkdir(`${temp.join("u")}/0`);
  const first = codeOf(() => uploads.append(upload, once(BYTES)));
  const second = statusOf(() => uploads.append(upload, once(BYTES)));
  assertEquals([await first, await second], ["E_SYSCALL", 404]);
  assertEquals(files(), 0);
  // Given up by its client, too.
  const other = await uploads.begin("app");
  const begun = Promise.withResolvers<void>();
  const hanging = statusOf(() =>
    uploads.append(
      other,
      (async function* () {
        begun.resolve();
        yield await new Promise<never>(() => {});
      })(),
    )
  );
  await begun.promise;
  const waiting = statusOf(() => uploads.append(other, once(BYTES)));
  await uploads.cancel("app", other.id);
  assertEquals([await hanging, await waiting, files()], [400, 404, 0]);
});

Deno.test("server: uploads are bounded in bytes and in number", async () => {
  await using temp = await tempDir();
  const { uploads, clock, files } = await uploadsAt(temp.join("u"));
  const large = await uploads.begin("app");
  const bytes = new Uint8Array(60);
  await uploads.append(large, once(bytes));
  assertEquals(await statusOf(() => uploads.append(large, once(bytes))), 413);
  // It can come to nothing any more.
  assertEquals(await statusOf(() => uploads.append(large, once(bytes))), 404);
  assertEquals(files(), 0);
  const begun: Upload[] = [];
  for (;;) {
    try {
      begun.push(await uploads.begin("app"));
    } catch (error) {
      assertEquals((error as Refusal).status, 429);
      break;
    }
  }
  assertEquals([begun.length, files()], [1000, 1000]);
  // Those that nobody uses make room.
  clock.now = LIFETIME;
  await uploads.begin("app");
  assertEquals(files(), 1);
});
