import { create } from "@bufbuild/protobuf";
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { EndedCall } from "../../../../lib/containerd/grpc/add_service.ts";
import {
  ApplyRequestSchema,
  ApplyResponseSchema,
} from "../../../../lib/containerd/proto/generated/diff_pb.ts";
import { callEvent } from "../../../../lib/containerd/serve/call_event.ts";
import { Metrics } from "../../../../lib/containerd/serve/metrics.ts";

function ended(code: number, ms: number): EndedCall {
  return {
    service: "containerd.services.diff.v1.Diff",
    method: "Apply",
    request: create(ApplyRequestSchema, { diff: { digest: "sha256:aa" } }),
    answer: code === 0
      ? create(ApplyResponseSchema, { applied: { digest: "sha256:bb", size: 7n } })
      : undefined,
    call: { signal: new AbortController().signal, namespace: undefined, lease: undefined },
    subject: "k8s.io/12/extract-1 sha256:cc",
    status: { code, message: code === 0 ? "" : "Cannot apply: no" },
    ms,
  };
}

const GAUGES = { jobsRunning: 2, jobsWaiting: 3, lowers: 4, rows: { active: 5, view: 0 } };

Deno.test("calls are counted by method and code, durations by class", () => {
  const metrics = new Metrics();
  metrics.observe(ended(0, 1));
  metrics.observe(ended(0, 30));
  metrics.observe(ended(15, 90_000));
  const text = metrics.text(GAUGES);
  for (
    const line of [
      "# TYPE varve_calls_total counter",
      'varve_calls_total{method="Apply",code="OK"} 2',
      'varve_calls_total{method="Apply",code="DataLoss"} 1',
      "# TYPE varve_call_seconds histogram",
      'varve_call_seconds_bucket{method="Apply",le="0.001"} 1',
      'varve_call_seconds_bucket{method="Apply",le="0.05"} 2',
      'varve_call_seconds_bucket{method="Apply",le="60"} 2',
      'varve_call_seconds_bucket{method="Apply",le="+Inf"} 3',
      'varve_call_seconds_sum{method="Apply"} 90.031',
      'varve_call_seconds_count{method="Apply"} 3',
      "varve_layers_applied_total 2",
      "varve_layer_bytes_applied_total 14",
      "varve_jobs_running 2",
      "varve_jobs_waiting 3",
      "varve_lowers_mounted 4",
      'varve_snapshots{kind="active"} 5',
    ]
  ) assertStringIncludes(`\n${text}`, `\n${line}\n`);
});

Deno.test("the log has calls that failed and layers that were applied", () => {
  const facts = {
    method: "Apply",
    namespace: "k8s.io",
    key: "k8s.io/12/extract-1 sha256:cc",
    digest: "sha256:aa",
    ms: 5,
  };
  assertEquals(callEvent(ended(0, 5)), {
    kind: "applied",
    ...facts,
    diffId: "sha256:bb",
    size: 7,
  });
  assertEquals(callEvent(ended(9, 5)), {
    kind: "failed",
    ...facts,
    code: "FailedPrecondition",
    message: "Cannot apply: no",
  });
  assertEquals(callEvent({ ...ended(0, 5), answer: undefined }), undefined);
});
