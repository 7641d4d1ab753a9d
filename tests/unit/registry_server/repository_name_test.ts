import { assertEquals } from "@std/assert";
import {
  parseImageName,
  repositoryOf,
  wireName,
} from "../../../lib/registry_server/repository_name.ts";

/** `foo_bar.baz/` and this name together have the maximum length of a name. */
const LONG = "x".repeat(255 - "foo_bar.baz/".length);

Deno.test("server: repository names of requests and of the store, both ways", () => {
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
    const row = parseImageName(`${full}:1`);
    assertEquals([row?.full, row?.name, row?.tag], [full, back, "1"], asked);
  }
  for (const bad of ["", "A", "a//b", "a/", "/a", "../a", "a/..", "a:1", "a@b", "a".repeat(256)]) {
    assertEquals(repositoryOf(bad), undefined, bad);
  }
  for (const bad of ["sha256", "library/sha512", "docker.io/library/sha256", "a".repeat(64)]) {
    assertEquals(repositoryOf(bad), undefined, bad);
  }
  assertEquals(wireName({ registry: "[::1]:5000", repository: "app" }), undefined);
  assertEquals(parseImageName("<none>@sha256:0"), undefined);
});
