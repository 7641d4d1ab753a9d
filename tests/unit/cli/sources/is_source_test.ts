import { assertEquals } from "@std/assert";
import { splitReferencePath } from "../../../../lib/cli/images.ts";
import { isSource, sourceKind } from "../../../../lib/cli/sources/is_source.ts";

Deno.test("sources are the transports of skopeo that varve reads", () => {
  for (
    const [text, kind] of [
      ["docker-archive:a.tar", "docker-archive"],
      ["oci-archive:a.tar:1.0", "oci-archive"],
      ["oci:dir", "oci"],
      ["docker://debian:12", "docker"],
    ] as const
  ) assertEquals([isSource(text), sourceKind(text)], [true, kind], text);
  for (
    const text of ["debian:12", "oci/app:1", "docker:24", "dir:x", "./oci:x", "a.tar", "docker:/x"]
  ) {
    assertEquals(isSource(text), false, text);
  }
});

Deno.test("the path in a source is what follows the first colon and slash after its file", () => {
  const cases: readonly (readonly [argument: string, reference: string, path: string])[] = [
    ["oci:/tmp/a", "oci:/tmp/a", "/"],
    ["oci:/tmp/a:/etc", "oci:/tmp/a", "/etc"],
    ["oci:/tmp/a:1.0:/etc/x:/y", "oci:/tmp/a:1.0", "/etc/x:/y"],
    ["oci:a", "oci:a", "/"],
    ["oci-archive:a.tar:app:1:/", "oci-archive:a.tar:app:1", "/"],
    ["docker-archive:./a.tar:/b", "docker-archive:./a.tar", "/b"],
    ["docker://a.io:5000/b:1", "docker://a.io:5000/b:1", "/"],
    ["docker://a.io:5000/b:1:/etc", "docker://a.io:5000/b:1", "/etc"],
    ["app:1:/etc", "app:1", "/etc"],
  ];
  for (const [argument, reference, path] of cases) {
    assertEquals(splitReferencePath(argument), { reference, path }, argument);
  }
});
