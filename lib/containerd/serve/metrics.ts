import type { EndedCall } from "../grpc/add_service.ts";
import { codeName } from "../grpc/grpc_code.ts";
import { callEvent } from "./call_event.ts";

/** Upper bounds of the classes of the duration histogram, in seconds. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Values that are looked up when somebody asks for the metrics. */
export interface Gauges {
  /** Jobs of the pool that run: those of layers, of composed images and of files. */
  readonly jobsRunning: number;
  readonly jobsWaiting: number;
  /** Lowers that are mounted. */
  readonly lowers: number;
  /** Rows of containerd's snapshots by kind. */
  readonly rows: Readonly<Record<string, number>>;
}

/** Durations of the calls of one method. */
interface Durations {
  /** Calls up to each bound; those of lower bounds not included. */
  readonly counts: number[];
  count: number;
  seconds: number;
}

/** Counts calls, and writes them in Prometheus' text format. */
export class Metrics {
  /** By method and code. */
  readonly #calls = new Map<string, number>();
  readonly #durations = new Map<string, Durations>();
  #layers = 0;
  #bytes = 0;

  /** Counts a call. */
  observe(ended: EndedCall): void {
    const { method, status, ms } = ended;
    const call = `method="${method}",code="${codeName(status.code)}"`;
    this.#calls.set(call, (this.#calls.get(call) ?? 0) + 1);
    const durations = this.#durationsOf(method);
    const seconds = ms / 1000;
    durations.count++;
    durations.seconds += seconds;
    const bound = BOUNDS.findIndex((most) => seconds <= most);
    if (bound >= 0) durations.counts[bound]!++;
    const event = callEvent(ended);
    if (event?.kind !== "applied") return;
    this.#layers++;
    this.#bytes += event.size;
  }

  #durationsOf(method: string): Durations {
    let durations = this.#durations.get(method);
    if (durations === undefined) {
      durations = { counts: BOUNDS.map(() => 0), count: 0, seconds: 0 };
      this.#durations.set(method, durations);
    }
    return durations;
  }

  /** All metrics. */
  text(gauges: Gauges): string {
    const lines: string[] = [];
    const add = (name: string, type: string, help: string, samples: readonly string[]) =>
      void lines.push(
        `# HELP varve_${name} ${help}`,
        `# TYPE varve_${name} ${type}`,
        ...samples.map((sample) => `varve_${name}${sample}`),
      );
    add(
      "calls_total",
      "counter",
      "Calls of containerd that have ended.",
      [...this.#calls].map(([labels, count]) => `{${labels}} ${count}`),
    );
    add(
      "call_seconds",
      "histogram",
      "Time from the request to the answer.",
      [...this.#durations].flatMap(([method, durations]) => histogram(method, durations)),
    );
    add("layers_applied_total", "counter", "Layers that were applied.", [` ${this.#layers}`]);
    add("layer_bytes_applied_total", "counter", "Uncompressed bytes of these layers.", [
      ` ${this.#bytes}`,
    ]);
    add("jobs_running", "gauge", "Jobs of the pool that run.", [` ${gauges.jobsRunning}`]);
    add("jobs_waiting", "gauge", "Jobs that wait until one of those ends.", [
      ` ${gauges.jobsWaiting}`,
    ]);
    add("lowers_mounted", "gauge", "Read-only lowers that are mounted.", [` ${gauges.lowers}`]);
    add(
      "snapshots",
      "gauge",
      "Rows of containerd's snapshots.",
      Object.entries(gauges.rows).map(([kind, count]) => `{kind="${kind}"} ${count}`),
    );
    return `${lines.join("\n")}\n`;
  }
}

function histogram(method: string, { counts, count, seconds }: Durations): string[] {
  let below = 0;
  return [
    ...BOUNDS.map((bound, at) =>
      `_bucket{method="${method}",le="${bound}"} ${below += counts[at] as number}`
    ),
    `_bucket{method="${method}",le="+Inf"} ${count}`,
    `_sum{method="${method}"} ${seconds}`,
    `_count{method="${method}"} ${count}`,
  ];
}
