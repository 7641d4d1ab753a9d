import { assertEquals, assertThrows } from "@std/assert";
import { parseTime } from "../../../lib/cli/files/conditions.ts";
import { parseFilters } from "../../../lib/cli/verbs/store/prune_filter.ts";

const DAY = Date.UTC(2024, 1, 29);

Deno.test("dates of filters: days in UTC, and times of RFC 3339", () => {
  const until = (text: string) => parseFilters([`until=${text}`], 0).until;
  assertEquals(until("2024-02-29"), DAY);
  assertEquals(until("2024-02-29T01:00Z"), DAY + 3_600_000);
  assertEquals(until("2024-02-29T01:00:00.5+01:00"), DAY + 500);
  assertEquals(until("2024-02-28T23:30:00-00:30"), DAY);
  const local = new Date(2024, 1, 29, 10).getTime();
  assertEquals(until("2024-02-29T10:00:00"), local);
  assertEquals(until("2024-02-29 10:00"), local);
});

Deno.test("dates of filters: what is no date is refused, not read as another one", () => {
  const wrong = [
    "2024-02-30",
    "2023-02-29",
    "2024-04-31T00:00:00Z",
    "2024-13-01",
    "2024-00-01",
    "2024-01-01junk",
    "2024-01-01 (note)",
    "2024-01-01T25:00:00Z",
  ];
  for (const text of wrong) {
    assertThrows(() => parseFilters([`until=${text}`], 0), Error, "until=", text);
    assertEquals(parseTime(text), undefined, text);
  }
});
