/**
 * Shows the progress of three items on this terminal, as far as the tests of bars want to see it. A key ends
 * it: `s` at once, any other after the rest is done.
 */
// deno-lint-ignore-file no-console
import { createProgress, loadBars } from "../../../lib/cli/display/create_progress.ts";

const MB = 1_000_000;

const progress = createProgress(
  { quiet: false, progress: "auto" },
  (text) => console.error(text.trimEnd()),
  await loadBars({
    write: (text) => void Deno.stderr.writeSync(new TextEncoder().encode(text)),
    size: () => Deno.consoleSize(),
  }),
);
const [first, second, third] = ["0123456789ab", "123456789abc", "23456789abcd"].map((label) =>
  progress.start(label, 100 * MB)
);
let done = 0;
// Ever slower, so that there is a rate to show, and never an end.
const timer = setInterval(() => {
  done += (90 * MB - done) / 50;
  second?.update(done);
  third?.update(done / 2);
}, 20);
first?.update(50 * MB);
first?.done("verified, 123.4 MB at 123.4 MB/s");
// What is typed must not be shown: it would move the cursor.
Deno.stdin.setRaw(true, { cbreak: true });
const key = new Uint8Array(1);
await Deno.stdin.read(key);
Deno.stdin.setRaw(false);
clearInterval(timer);
if (new TextDecoder().decode(key) !== "s") {
  second?.done("verified");
  third?.done("verified");
}
progress[Symbol.dispose]();
