/**
 * The control of a run: a fixed piece of work beside the figures. Where it takes longer than at its best, the machine was
 * busy with something else, and so an absolute time says little.
 */
// deno-lint-ignore-file no-console
import { createHash } from "node:crypto";
import { timingOf } from "./harness.ts";

const BYTES = new Uint8Array(256 * 2 ** 20);

/** Takes the control between figures. */
export class Control {
  readonly #times: number[] = [];

  /** Hashes 256 MB by SHA-256 once. */
  take(): void {
    const start = performance.now();
    createHash("sha256").update(BYTES).digest();
    this.#times.push(performance.now() - start);
  }

  /** Prints how busy the machine was: absolute times count where the median is within 10 % of the best. */
  async report(): Promise<void> {
    const { least, median, most } = timingOf(this.#times);
    const load = (await Deno.readTextFile("/proc/loadavg")).split(" ").slice(0, 3).join(" ");
    const counts = median <= 1.1 * least ? "absolute times count" : "absolute times do NOT count";
    console.log(
      `control, SHA-256 of 256 MB: best ${Math.round(least)} ms, median ${
        Math.round(median)
      } ms, ` +
        `worst ${Math.round(most)} ms; load ${load}: ${counts}`,
    );
  }
}
