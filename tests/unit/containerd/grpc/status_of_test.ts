import { assertEquals } from "@std/assert";
import { ERROR_CODES, VarveError } from "../../../../lib/errors.ts";
import { Declined, statusOf } from "../../../../lib/containerd/grpc/status_of.ts";

const QUIET = new AbortController().signal;
const codeOf = (error: unknown) => statusOf(error, QUIET).code;

Deno.test("each error becomes the code that containerd acts on", () => {
  const cases: readonly [unknown, number][] = [
    [new VarveError("E_NOT_FOUND", "x"), 5],
    [new VarveError("E_EXISTS", "x"), 6],
    [new VarveError("E_USAGE", "x"), 3],
    [new VarveError("E_PRECONDITION", "x"), 9],
    [new VarveError("E_LIMIT", "x"), 8],
    [new VarveError("E_SYSCALL", "x", { errno: "ENOSPC" }), 8],
    [new VarveError("E_SYSCALL", "x", { errno: "EDQUOT" }), 8],
    [new VarveError("E_SYSCALL", "x", { errno: "EIO" }), 13],
    [new VarveError("E_UNSUPPORTED", "x"), 9],
    [new VarveError("E_BUSY", "x"), 14],
    ...(["E_DIGEST", "E_SIZE", "E_DIFFID", "E_DAMAGE", "E_FORMAT", "E_TRUNCATED"] as const)
      .map((code) => [new VarveError(code, "x"), 15] as [unknown, number]),
    [new VarveError("E_PATH_ESCAPE", "x"), 15],
    [new VarveError("E_INTERNAL", "x"), 13],
    [new Error("x"), 13],
    ["x", 13],
    [new TypeError("x"), 3],
    [new RangeError("x"), 3],
    [new Declined("x"), 12],
  ];
  for (const [error, code] of cases) assertEquals(codeOf(error), code, String(error));
});

Deno.test("no error of varve but Declined lets the next differ extract", () => {
  for (const code of ERROR_CODES) {
    assertEquals(codeOf(new VarveError(code, "x")) === 12, false, code);
  }
});

Deno.test("the reason of an abort is a cancellation, another error of that call is itself", () => {
  const controller = new AbortController();
  controller.abort();
  assertEquals(statusOf(controller.signal.reason, controller.signal).code, 1);
  assertEquals(statusOf(new VarveError("E_NOT_FOUND", "x"), controller.signal).code, 5);
});

Deno.test("a status says the way out", () => {
  const error = new VarveError("E_PRECONDITION", "Cannot do x: it is y", { hint: "do z" });
  assertEquals(statusOf(error, QUIET).message, "Cannot do x: it is y; do z");
});
