import { assertEquals } from "@std/assert";
import { enterFailure } from "../../../lib/container/runtime/log.ts";

Deno.test("a container without a runtime that is not entered says why in one line", () => {
  const said = "mount: ./proc: a warning\nmknod: dev/null: Disk quota exceeded\x1b[2J\n";
  const { code, message } = enterFailure(said) ?? {};
  assertEquals(code, "E_SYSCALL");
  assertEquals(
    message,
    "Cannot enter the container: mknod: dev/null: Disk quota exceeded\\u{1b}[2J",
  );
  assertEquals(enterFailure("\n"), undefined);
});
