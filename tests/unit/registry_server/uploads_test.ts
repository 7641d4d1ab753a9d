import { assertEquals, assertRejects } from "@std/assert";
import type { Digest } from "../../../lib/digest/mod.ts";
import { Refusal } from "../../../lib/registry_server/http.ts";
import { type Upload, Uploads } from "../../../lib/registry_server/uploads.ts";
import { codeOf } from "../../support/code_of.ts";
import { sha256Of } from "../../support/images/images.ts";
import { tempDir } from "../../support/machine/temp_dir.ts";

const BYTES = new TextEncoder().encode("some bytes");
const DIGEST = sha256Of(BYTES) as Digest;
const LIFETIME = 1000;

/** Uploads in a directory, with a clock that the test sets. */
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

Deno.test("server: an unused upload is dropped with its file, one in use is not", async () => {
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
  // A request that is writing keeps its upload, however long it takes.
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

Deno.test("server: an upload begins after the directory could not be made for an earlier one", async () => {
  await using temp = await tempDir();
  const files = temp.join("u");
  await Deno.mkdir(files);
  let calls = 0;
  await using uploads = new Uploads({
    directory: () => ++calls === 1 ? Promise.reject(new Error("full")) : Promise.resolve(files),
    lifetime: LIFETIME,
    maxBytes: 100,
    now: () => 0,
  });
  await assertRejects(() => uploads.begin("app"), Error, "full");
  assertEquals((await uploads.begin("app")).size, 0);
  assertEquals((await uploads.begin("app")).size, 0);
  assertEquals(calls, 2);
});

Deno.test("server: the file of a dropped blob stays until its last reader is done", async () => {
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

Deno.test("server: the newest request of an upload wins, and earlier bytes stay", async () => {
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

Deno.test("server: an upload that cannot be written is dropped, and a waiting request gets 404", async () => {
  await using temp = await tempDir();
  const { uploads, files } = await uploadsAt(temp.join("u"));
  const upload = await uploads.begin("app");
  await Deno.remove(`${temp.join("u")}/0`);
  await Deno.mkdir(`${temp.join("u")}/0`);
  const first = codeOf(() => uploads.append(upload, once(BYTES)));
  const second = statusOf(() => uploads.append(upload, once(BYTES)));
  assertEquals([await first, await second], ["E_SYSCALL", 404]);
  assertEquals(files(), 0);
  // The same when its client cancels it.
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
  // The upload was dropped.
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
  // Unused uploads make room.
  clock.now = LIFETIME;
  await uploads.begin("app");
  assertEquals(files(), 1);
});
