import { assertEquals } from "@std/assert";
import { logLine } from "../../../../../lib/cli/verbs/containerd/log_line.ts";
import type { ServeEvent } from "../../../../../lib/containerd/mod.ts";

const TIME = Date.UTC(2026, 1, 3, 4, 5, 6, 7);
const AT = "2026-02-03T04:05:06.007Z";

const FAILED: ServeEvent = {
  kind: "failed",
  method: "Apply",
  namespace: "default",
  key: "default/1/extract-1 sha256:cc",
  digest: "sha256:aa",
  ms: 1.23456,
  code: "DataLoss",
  message: "Cannot apply \u001b[1m",
};

Deno.test("an event is one line of text that is safe for a terminal", () => {
  assertEquals(
    logLine(FAILED, "text", TIME),
    `${AT} error failed method=Apply namespace=default key="default/1/extract-1 sha256:cc" ` +
      "digest=sha256:aa ms=1.2 code=DataLoss: Cannot apply \\u{1b}[1m",
  );
  const warning: ServeEvent = { kind: "warning", message: "the erofs driver\ndoes not work" };
  assertEquals(
    logLine(warning, "text", TIME),
    `${AT} warning warning: the erofs driver\\u{a}does not work`,
  );
});

Deno.test("an event is one JSON document", () => {
  assertEquals(JSON.parse(logLine(FAILED, "json", TIME)), {
    time: AT,
    level: "error",
    event: "failed",
    method: "Apply",
    namespace: "default",
    key: "default/1/extract-1 sha256:cc",
    digest: "sha256:aa",
    ms: 1.2,
    code: "DataLoss",
    message: "Cannot apply \u001b[1m",
  });
});

Deno.test("what containerd asks in passing is no error", () => {
  for (const code of ["NotFound", "AlreadyExists", "Unimplemented", "Cancelled"]) {
    assertEquals(JSON.parse(logLine({ ...FAILED, code }, "json", TIME)).level, "info");
  }
});
