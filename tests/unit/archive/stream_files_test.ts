import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { loadImages } from "../../../lib/archive/mod.ts";
import { streamFiles } from "../../../lib/archive/stream_files.ts";
import { VarveError } from "../../../lib/errors.ts";
import { openMemoryStore } from "../../../lib/store/mod.ts";
import {
  type ArchiveFiles,
  archiveTar,
  buildImage,
  dockerFiles,
  ociFiles,
} from "../../support/images/images.ts";

const image = buildImage({ name: "x.org/app:1", layers: [[{ name: "f", content: "f" }]] });

/** `count` files as a system has them, each of 512 bytes. */
function strange(count: number, name = "usr/share/text"): [string, Uint8Array<ArrayBuffer>][] {
  const bytes = new TextEncoder().encode("some text. ".repeat(47)).slice(0, 512);
  return Array.from(Array(count), (_, at) => [`${name}-${at}`, bytes]);
}

/** Loads a tar as a stream. @returns the names, and how many bytes were read */
async function load(tar: Uint8Array<ArrayBuffer>) {
  await using store = openMemoryStore();
  let read = 0;
  const pieces = function* () {
    for (let at = 0; at < tar.length; at += 4096) {
      read = Math.min(at + 4096, tar.length);
      yield tar.slice(at, at + 4096);
    }
  };
  const error = await loadImages(store, ReadableStream.from(pieces())).then((images) => {
    assertEquals(images.flatMap(({ names }) => names), ["x.org/app:1"]);
  }, (error: VarveError) => error);
  return { error, read };
}

Deno.test("a stream of the files of a system is refused before it is read to its end", async () => {
  const { error, read } = await load(archiveTar(new Map(strange(5000))));
  assertEquals([error?.code, error?.details.hint], [
    "E_FORMAT",
    "import it, if it holds the files of a system",
  ]);
  assertLess(read, 1024 * 1024);
});

Deno.test("a stream of an image may hold other files, blobs of any content, and old VERSION files", async () => {
  const all = (...parts: Iterable<[string, Uint8Array<ArrayBuffer>]>[]): ArchiveFiles =>
    new Map(parts.flatMap((part) => [...part]));
  const blobs = strange(150, "blobs/sha256/x");
  const versions = strange(150, "dir").map((
    [name, bytes],
  ): [string, Uint8Array<ArrayBuffer>] => [`${name}/VERSION`, bytes]);
  const json = new TextEncoder().encode(' \n{"a":1}');
  const configs = strange(150, "config").map(([name]): [string, typeof json] => [name, json]);
  for (const files of [dockerFiles([image]), ociFiles([image])]) {
    for (const other of [strange(100), blobs, versions, configs]) {
      assertEquals((await load(archiveTar(all(other, files)))).error, undefined);
    }
    // What the archive is was said before.
    const marks = [...files].toSorted(([a], [b]) =>
      Number(b.includes(".json")) - Number(a.includes(".json"))
    );
    assertEquals((await load(archiveTar(all(marks, strange(150))))).error, undefined);
    assertEquals((await load(archiveTar(all(strange(101), files)))).error?.code, "E_FORMAT");
  }
});

Deno.test("documents of an image that are too large together are told as such", async () => {
  const large = new TextEncoder().encode(`{"a":"${"x".repeat(4_000_000)}"}`);
  const files = Array.from(Array(17), (_, at): [string, typeof large] => [`${at}.json`, large]);
  const { error } = await load(archiveTar(new Map(files)));
  assertEquals(error?.code, "E_LIMIT");
});

Deno.test("a stream with a bad file ends only when the jobs of its other files have ended", async () => {
  const layer = archiveTar(new Map([["f", new TextEncoder().encode("f")]]));
  const files = ["a", "b", "c"].map((name): [string, typeof layer] => [name, layer]);
  const tar = archiveTar(new Map(files));
  // The second name becomes that of the first.
  tar.set(tar.subarray(0, 512), tar.indexOf("b".charCodeAt(0)));
  let ended = 0;
  const early = async (name: string) => {
    await new Promise((resolve) => setTimeout(resolve, name === "c" ? 100 : 10));
    ended++;
    return { kind: "bytes", bytes: new Uint8Array() };
  };
  const ingest = { layers: { early }, signal: new AbortController().signal, warn: () => {} };
  const error = await assertRejects(
    () => streamFiles("x", ReadableStream.from([tar]), { ingest: ingest as never, maxDocument: 0 }),
    VarveError,
  );
  assertEquals([error.code, ended], ["E_NAME_CLASH", 3]);
});
