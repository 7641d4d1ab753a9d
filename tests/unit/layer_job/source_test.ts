import { assertEquals } from "@std/assert";
import { sourceSize } from "../../../lib/layer_job/source.ts";

Deno.test("sourceSize: the length of a file's part, the expected size of a stream", () => {
  const target = { kind: "memory" } as const;
  const file = { kind: "file", path: "/a", offset: 7, length: 5 } as const;
  const stream = { kind: "stream" } as const;
  const sizes = ([[file, 9], [stream, 9], [stream, undefined]] as const).map(([source, size]) =>
    sourceSize({ source, target, expected: { size } })
  );
  assertEquals(sizes, [5, 9, undefined]);
});
