import { assertEquals } from "@std/assert";
import { logLine } from "../../../../../lib/cli/verbs/containerd/log_line.ts";
import type { ServeEvent } from "../../../../../lib/containerd/mod.ts";

const TIME = Date.UTC(2026, 1, 3, 4, 5, 6, 7);
const AT = "2026-02-03T04:05:06.007Z";

const FAILED: Extract<ServeEvent, { kind: "failed" }> = {
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
    `${AT} warning: the erofs driver\\u{a}does not work`,
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
  const level = (facts: Partial<typeof FAILED>) =>
    JSON.parse(logLine({ ...FAILED, ...facts } as ServeEvent, "json", TIME)).level;
  for (const code of ["NotFound", "AlreadyExists", "Unimplemented", "Cancelled"]) {
    assertEquals(level({ method: "Prepare", code }), "info");
  }
  // A layer of another snapshotter is none of varve's business. One of varve's own is extracted now.
  assertEquals(level({ code: "Unimplemented", key: null }), "info");
  assertEquals(level({ code: "Unimplemented" }), "warning");
});
