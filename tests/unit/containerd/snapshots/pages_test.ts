import { assert, assertEquals } from "@std/assert";
import { pagesOf } from "../../../../lib/containerd/snapshots/pages.ts";
import type { SnapshotInfo } from "../../../../lib/snapshot/mod.ts";

function row(key: number, characters: number): SnapshotInfo {
  return { key: String(key), labels: { label: "v".repeat(characters) } } as Partial<
    SnapshotInfo
  > as SnapshotInfo;
}

function sizes(rows: readonly SnapshotInfo[]): number[] {
  const pages = [...pagesOf(rows)];
  assertEquals(pages.flat(), rows);
  return pages.map(({ length }) => length);
}

Deno.test("a list is in pieces of a hundred rows", () => {
  for (
    const [count, expected] of [[0, []], [1, [1]], [100, [100]], [250, [100, 100, 50]]] as const
  ) {
    assertEquals(sizes(Array.from({ length: count }, (_, at) => row(at, 5))), [...expected]);
  }
});

Deno.test("long labels make the pieces smaller, and a row with more than a piece takes has its own", () => {
  const million = 1_000_000;
  assertEquals(sizes([million, million, million, 5].map((length, at) => row(at, length))), [2, 2]);
  assertEquals(sizes([5, 9 * million, 5, 5].map((length, at) => row(at, length))), [1, 1, 2]);
  // Up to three bytes each: a message stays below 16 MiB.
  const pages = [...pagesOf(Array.from({ length: 100 }, (_, at) => row(at, 200_000)))];
  for (const page of pages) {
    assert(
      page.reduce((sum, { labels }) => sum + (labels["label"]?.length ?? 0), 0) * 3 < 16 << 20,
    );
  }
});
