import { assertEquals, assertThrows } from "@std/assert";
import { readTree } from "../../../lib/directory/internal.ts";
import { OpenBase } from "../../../lib/directory/scan/open_base.ts";
import type { DiffId } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";

Deno.test("P6: a tree that the kernel does not let read is an error of the system call", () => {
  const diffId = `sha256:${"a".repeat(64)}` as DiffId;
  // Reading a directory fails with EISDIR.
  const path = import.meta.dirname as string;
  for (
    const read of [
      () => readTree({ diffId, path, sum: null }),
      () => new OpenBase({ trees: [path] }, () => {}),
    ]
  ) {
    const error = assertThrows(read, VarveError, "Cannot read the tree of");
    assertEquals([error.code, error.details.errno], ["E_SYSCALL", "EISDIR"]);
  }
});
