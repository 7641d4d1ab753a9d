import { assert, assertEquals } from "@std/assert";
import { barLine, Rate } from "../../../../lib/cli/display/bar_line.ts";
import { textWidth } from "../../../../lib/cli/display/width.ts";

const STATE = { label: "0123456789ab", done: 5e6, total: 2e7, rate: 1e6 };

Deno.test("bar: parts are left out where the line is too short, the time left last", () => {
  const lines: Record<number, string> = {
    100:
      "0123456789ab [=======-----------------------]  25%    5.00 MB of 20.0 MB   1.00 MB/s    15 s left",
    80: "0123456789ab [===---------]  25%    5.00 MB of 20.0 MB   1.00 MB/s    15 s left",
    60: "0123456789ab [===-----------]  25%   1.00 MB/s    15 s left",
    40: "0123456789ab [=-----]  25%    15 s left",
    32: "0123456789ab  25%    15 s left",
    20: "0123456789ab  25%",
    12: "0123456789…",
  };
  for (const [width, line] of Object.entries(lines)) {
    assertEquals(barLine(STATE, Number(width)), line);
  }
});

Deno.test("bar: the last column stays free, whatever the size, the rate and the label", () => {
  for (let width = 1; width < 220; width++) {
    for (const total of [undefined, 0, 1, 999_949_999_999_999]) {
      for (const rate of [undefined, 0, 1e-9, 999_949, 1e15]) {
        for (const label of ["all", "0123456789ab", "0123456789ab gzip", "ü日本".repeat(9)]) {
          const line = barLine({ label, done: 1, total, rate }, width);
          assert(textWidth(line) <= Math.max(1, width - 1), JSON.stringify([width, line]));
        }
      }
    }
  }
});

Deno.test("bar: sizes that are not known, done or empty; long times", () => {
  assertEquals(barLine({ ...STATE, total: undefined }, 80), "0123456789ab   5.00 MB   1.00 MB/s");
  assertEquals(
    barLine({ ...STATE, total: undefined, rate: undefined }, 80),
    "0123456789ab   5.00 MB",
  );
  assertEquals(
    barLine({ ...STATE, done: 0, total: 0 }, 40),
    "0123456789ab [======] 100%     0 s left",
  );
  assertEquals(barLine({ ...STATE, done: 3e7 }, 40), "0123456789ab [======] 100%     0 s left");
  const left = (rate: number) =>
    barLine({ ...STATE, done: 0, total: 1e6, rate }, 40).slice(26).trim();
  assertEquals([1e4, 1e3, 100, 1].map(left), [
    "2 min left",
    "17 min left",
    "3 h left",
    "278 h left",
  ]);
});

Deno.test("rate: bytes per second of the last seconds, without what was there at the beginning", () => {
  const rate = new Rate();
  assertEquals(rate.measure(5e8, 1000), undefined);
  assertEquals(rate.measure(5e8 + 1e5, 1100), undefined);
  assertEquals(rate.measure(5e8 + 1e6, 2000), 1e6);
  assertEquals(rate.measure(5e8 + 9e6, 2100), 1e6);
  let last = 0;
  for (let s = 3; s < 40; s++) last = rate.measure(5e8 + 1e6 + 2e6 * s, s * 1000) ?? 0;
  assertEquals(Math.round(last / 1e4), 200);
});
