import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import {
  familiarName,
  formatReference,
  parseReference,
  repositoryName,
  tryParseReference,
} from "../../../lib/oci/mod.ts";

const HEX = "0123456789abcdef".repeat(4);
const DIGEST = `sha256:${HEX}`;

Deno.test("names are normalised as Docker does, and shortened again", () => {
  const cases: [text: string, full: string, familiar: string][] = [
    ["debian", "docker.io/library/debian:latest", "debian:latest"],
    ["debian:12", "docker.io/library/debian:12", "debian:12"],
    ["library/debian", "docker.io/library/debian:latest", "debian:latest"],
    ["user/app", "docker.io/user/app:latest", "user/app:latest"],
    ["docker.io/debian", "docker.io/library/debian:latest", "debian:latest"],
    ["index.docker.io/user/app:1", "docker.io/user/app:1", "user/app:1"],
    ["docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"],
    ["localhost/app", "localhost/app:latest", "localhost/app:latest"],
    ["localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"],
    ["localhost:5000/a/b:1", "localhost:5000/a/b:1", "localhost:5000/a/b:1"],
    ["example.org/app", "example.org/app:latest", "example.org/app:latest"],
    ["example.org:80/app:v1.2_x-y", "example.org:80/app:v1.2_x-y", "example.org:80/app:v1.2_x-y"],
    ["[2001:db8::1]:5000/app", "[2001:db8::1]:5000/app:latest", "[2001:db8::1]:5000/app:latest"],
    ["Upper/app", "Upper/app:latest", "Upper/app:latest"],
    ["a__b/c-d--e.f", "docker.io/a__b/c-d--e.f:latest", "a__b/c-d--e.f:latest"],
    [`app@${DIGEST}`, `docker.io/library/app@${DIGEST}`, `app@${DIGEST}`],
    [`app:1@${DIGEST}`, `docker.io/library/app:1@${DIGEST}`, `app:1@${DIGEST}`],
  ];
  for (const [text, full, familiar] of cases) {
    const reference = parseReference(text);
    assertEquals(formatReference(reference), full, text);
    assertEquals(familiarName(reference), familiar, text);
    assertEquals(parseReference(full), reference, full);
    assertEquals(parseReference(familiar), reference, familiar);
  }
});

/** A sha512 digest: the second algorithm that varve verifies. */
const SHA512 = `sha512:${"f".repeat(128)}`;

Deno.test("names are accepted and normalised as by distribution/reference", () => {
  const cases: [text: string, full: string][] = [
    ["docker/docker", "docker.io/docker/docker:latest"],
    ["index.docker.io/library/debian", "docker.io/library/debian:latest"],
    ["index.docker.io/debian", "docker.io/library/debian:latest"],
    ["127.0.0.1:5000/docker/docker", "127.0.0.1:5000/docker/docker:latest"],
    ["127.0.0.1:5000/debian", "127.0.0.1:5000/debian:latest"],
    ["192.168.0.1", "docker.io/library/192.168.0.1:latest"],
    ["192.168.0.1:80", "docker.io/library/192.168.0.1:80"],
    ["192.168.0.1:8/debian", "192.168.0.1:8/debian:latest"],
    ["localhost", "docker.io/library/localhost:latest"],
    ["docker.io", "docker.io/library/docker.io:latest"],
    ["test.com:tag", "docker.io/library/test.com:tag"],
    ["foo_bar.com:8080", "docker.io/library/foo_bar.com:8080"],
    ["foo/foo_bar.com:8080", "docker.io/foo/foo_bar.com:8080"],
    ["lowercase:Uppercase", "docker.io/library/lowercase:Uppercase"],
    ["xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com/myimage:xn--n3h.com"],
    [`xn--7o8h.com/myimage@${SHA512}`, `xn--7o8h.com/myimage@${SHA512}`],
    [`test:5000/repo:tag@${SHA512}`, `test:5000/repo:tag@${SHA512}`],
    ["sub-dom1.foo.com/bar/baz/quux", "sub-dom1.foo.com/bar/baz/quux:latest"],
    ["b.gcr.io/test.example.com/my-app:v", "b.gcr.io/test.example.com/my-app:v"],
    ["[::1]/app", "[::1]/app:latest"],
    ["[::]:5000/repo", "[::]:5000/repo:latest"],
    [`[2001:db8::1]:5000/repo:tag@${DIGEST}`, `[2001:db8::1]:5000/repo:tag@${DIGEST}`],
    ["foo__bar/baz--qux", "docker.io/foo__bar/baz--qux:latest"],
    [`library/${HEX.slice(1)}`, `docker.io/library/${HEX.slice(1)}:latest`],
    [`example.org/${HEX}`, `example.org/${HEX}:latest`],
    ["example.org/sha256:1", "example.org/sha256:1"],
    ["team/sha512:latest", "docker.io/team/sha512:latest"],
    ["sha256sum:1", "docker.io/library/sha256sum:1"],
    ["host.example:12345/a:9", "host.example:12345/a:9"],
  ];
  for (const [text, full] of cases) assertEquals(formatReference(parseReference(text)), full, text);
});

Deno.test("a name is split into its parts", () => {
  const reference = parseReference(`example.org:80/a/b:1@${DIGEST}`);
  assertEquals({ ...reference } as Record<string, string>, {
    registry: "example.org:80",
    repository: "a/b",
    tag: "1",
    digest: DIGEST,
  });
  assertEquals(repositoryName(reference), "example.org:80/a/b");
});

Deno.test("malformed names are refused", () => {
  const bad = [
    "",
    ":tag",
    "app:",
    "app:.x",
    `app:${"t".repeat(129)}`,
    "App",
    "user/App",
    "example.org/App",
    "a//b",
    "/a",
    "a/",
    "a/../b",
    "a..b",
    "a___b",
    "-a",
    "a-",
    "a b",
    "a\nb",
    "é",
    "app@sha256:abc",
    `app@${DIGEST}@${DIGEST}`,
    `app@md5:${HEX}`,
    `app@${DIGEST.toUpperCase()}`,
    HEX,
    DIGEST,
    SHA512,
    "sha256",
    "sha256:1",
    "sha384:latest",
    `library/sha256:${HEX}`,
    `docker.io/library/sha256:${HEX}`,
    `index.docker.io/sha512:1`,
    `sha256:1@${DIGEST}`,
    `example.org/team/sha256:${HEX}`,
    `example.org/sha512:${HEX}${HEX}`,
    `localhost:5000/sha256:${HEX.toUpperCase()}`,
    `docker.io/${HEX}`,
    `library/${HEX}`,
    `${HEX}:1`,
    `${HEX}@${DIGEST}`,
    "example.org:port/app",
    "host:99999/x",
    "host:65536/x",
    "[::1]:65536/x",
    `host:${"9".repeat(400)}/x`,
    "example..org/app",
    "-example.org/app",
    "user@example.org/app",
    "https://example.org/app",
    "-docker.io/docker/docker",
    "docker///docker",
    "docker.io/docker///docker",
    "docker.io/docker/Docker",
    "docker/docker-",
    "-docker/docker",
    "aa/asdf$$^/aa",
    "[fc00::1]",
    "[fc00::1]:5000",
    "fc00::1:5000/debian",
    "[fe80::1%eth0]:5000/debian",
    "[2001:db8:3:4::192.0.2.33]:5000/debian",
    "foo_bar.com:8080/app",
    "foo/foo_bar.com:",
    "a._b",
    "a.-b",
    "docker.io/",
    "localhost:5000/",
    `app@${SHA512.slice(0, -1)}`,
    "app@",
    `@${DIGEST}`,
    `:tag@${DIGEST}`,
    "example.org/app?x=1",
    `example.org/${"a".repeat(256)}`,
    "a".repeat(100_000),
  ];
  for (const text of bad) {
    const error = assertThrows(() => parseReference(text), VarveError);
    assertEquals(error.code, "E_USAGE", text.slice(0, 60));
    assertStringIncludes(error.message, "Cannot read image name");
    assertEquals(tryParseReference(text), undefined);
  }
  assertEquals(tryParseReference(`example.org/${"a".repeat(255)}`)?.repository.length, 255);
});

Deno.test("a URL in place of a name is refused with a hint to leave out the scheme", () => {
  const cases = [
    ["docker://example.org/app", "docker://"],
    ["docker://debian:12", "docker://"],
    [`docker://example.org/app@${DIGEST}`, "docker://"],
    ["HTTPS://example.org/app", "HTTPS://"],
  ] as const;
  for (const [text, scheme] of cases) {
    const { code, details } = assertThrows(() => parseReference(text), VarveError);
    assertEquals([code, details.hint], ["E_USAGE", `leave ${scheme} out`]);
  }
});
