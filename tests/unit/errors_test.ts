import { assertEquals, assertInstanceOf } from "@std/assert";
import {
  type BadDataCode,
  ERROR_CODES,
  ERROR_MEANINGS,
  type ErrorCode,
  exitCode,
  exitCodeOf,
  fromErrorRecord,
  isBadData,
  isVarveError,
  toErrorRecord,
  VarveError,
} from "../../lib/errors.ts";

Deno.test("errors: a record survives structured clone and becomes the same error", () => {
  const error = new VarveError(
    "E_DIGEST",
    "Cannot store blob: digest differs",
    {
      expected: "a",
      actual: "b",
    },
  );
  const again = fromErrorRecord(structuredClone(toErrorRecord(error)));
  assertInstanceOf(again, VarveError);
  assertEquals([again.code, again.message, again.details], [
    error.code,
    error.message,
    error.details,
  ]);
  assertEquals(exitCode(again), 7);
});

Deno.test("errors: a record keeps causes, but only some of a circle of causes", () => {
  const inner = new VarveError("E_HEADER", "Cannot read header");
  const error = new VarveError("E_DIGEST", "Cannot verify", {}, { cause: inner });
  const again = fromErrorRecord(structuredClone(toErrorRecord(error)));
  assertInstanceOf(again.cause, VarveError);
  assertEquals([again.cause.code, again.cause.message], [inner.code, inner.message]);
  assertEquals(again.cause.cause, undefined);
  inner.cause = error;
  let depth = 0;
  for (let at = toErrorRecord(error).cause; at !== undefined; at = at.cause) depth++;
  assertEquals(depth, 4);
});

Deno.test("errors: an error that is not varve's own becomes E_INTERNAL, an abort stays an abort", () => {
  const record = toErrorRecord(new TypeError("boom"));
  assertEquals([record.code, exitCode(fromErrorRecord(record))], [
    "E_INTERNAL",
    1,
  ]);
  const abort = fromErrorRecord(
    toErrorRecord(new DOMException("stop", "AbortError")),
  );
  assertEquals(abort.name, "AbortError");
});

Deno.test("errors: the codes cover exactly the exit codes 1 to 13", () => {
  const exits = new Set(ERROR_CODES.map(exitCodeOf));
  assertEquals([...exits].sort((a, b) => a - b), [
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    13,
  ]);
});

Deno.test("errors: the data is at fault exactly for the codes with exit code 7 or 8", () => {
  for (const code of ERROR_CODES) {
    const error = new VarveError(code, "Cannot read layer");
    assertEquals(isBadData(error), [7, 8].includes(exitCodeOf(code)), code);
  }
  assertEquals(isBadData(new VarveError("E_LIMIT", "Cannot read layer")), true);
  assertEquals(isBadData(new VarveError("E_SYSCALL", "Cannot read layer")), false);
  for (const foreign of [new TypeError("boom"), { code: "E_DIGEST" }, undefined]) {
    assertEquals(isBadData(foreign), false);
  }
});

Deno.test("errors: isBadData narrows the code and leaves other errors their type", () => {
  const error = new VarveError("E_DIGEST", "Cannot store blob");
  if (isBadData(error)) {
    const code: BadDataCode = error.code;
    assertEquals(code, "E_DIGEST");
  } else {
    const code: ErrorCode = error.code;
    assertEquals(code, "none");
  }
});

Deno.test("errors: an error of another copy of the package is one, and keeps its code", async () => {
  const url = new URL("../../lib/errors.ts?another-copy", import.meta.url).href;
  const other = await import(url) as typeof import("../../lib/errors.ts");
  const error = new other.VarveError("E_DIGEST", "Cannot read: it differs", { subject: "a" });
  assertEquals(error instanceof VarveError, false);
  assertEquals(isVarveError(error), true);
  assertEquals([isVarveError(error, "E_DIGEST"), isVarveError(error, "E_SIZE")], [true, false]);
  assertEquals([exitCode(error), isBadData(error)], [7, true]);
  const record = toErrorRecord(new VarveError("E_WORKER", "Cannot run", {}, { cause: error }));
  assertEquals([record.cause?.code, record.cause?.details], ["E_DIGEST", { subject: "a" }]);
  const unknown = new other.VarveError(
    "E_LATER" as ErrorCode,
    "Cannot do what a later version can",
  );
  assertEquals([isVarveError(unknown), exitCode(unknown)], [true, 1]);
  for (
    const no of [new Error("x"), null, undefined, "E_DIGEST", { name: "VarveError", code: "E_DB" }]
  ) {
    assertEquals(isVarveError(no), false);
  }
});

Deno.test("errors: each code has a sentence of its own", () => {
  const meanings = Object.entries(ERROR_MEANINGS);
  assertEquals(meanings.map(([code]) => code), [...ERROR_CODES]);
  assertEquals(meanings.filter(([, text]) => !/^[A-Z].{14,}\.$/.test(text)), []);
  assertEquals(new Set(Object.values(ERROR_MEANINGS)).size, ERROR_CODES.length);
});
