import { assertEquals } from "@std/assert";
import type { VarveError } from "../../../../lib/errors.ts";
import { fileErrno, fileError, firstError } from "../../../../lib/linux/mod.ts";

Deno.test("an error of Deno without a code is told by its number", () => {
  const names = [[4, "EINTR"], [5, "EIO"], [37, "ENOLCK"], [122, "EDQUOT"]] as const;
  for (const [number, name] of names) {
    const error = new Error(`No way (os error ${number}): mkdir '/x'`);
    assertEquals(fileErrno(error), name);
    const { code, message, details } = fileError(error, "make /x") as VarveError;
    assertEquals([code, message, details.errno], ["E_SYSCALL", "Cannot make /x: no way", name]);
  }
  assertEquals(fileErrno(new Error("without a number")), undefined);
});

Deno.test("of an error and what disposing added to it the first one is told", async () => {
  const first = new Error("Full (os error 28)");
  const act = async () => {
    await using _ = { [Symbol.asyncDispose]: () => Promise.reject(new Error("consequence")) };
    using __ = {
      [Symbol.dispose]: () => {
        throw new Error("another consequence");
      },
    };
    throw first;
  };
  const thrown = await act().catch((error) => error);
  assertEquals(thrown instanceof SuppressedError, true);
  assertEquals(firstError(thrown), first);
  assertEquals((fileError(thrown, "act") as VarveError).message, "Cannot act: full");
  assertEquals(firstError(first), first);
});
