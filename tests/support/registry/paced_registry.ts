/**
 * A registry on loopback that serves one blob in ranges, as fast or slow as it is told to.
 *
 * How slow it is does not depend on the machine: while it lasts, `performance.now` of this thread
 * is a clock that only its answers move.
 */
import { ManualClock } from "../machine/manual_clock.ts";
import { Servers } from "./hostile_registry.ts";

const PIECE = 64 * 1024;

/** How the registry serves the blob. */
export interface Pace {
  /** Milliseconds that every 64 KiB of an answer take on the clock; 0 when absent. */
  readonly delay?: number;
  /** The byte from which on there is a delay; 0 when absent. */
  readonly delayFrom?: number;
  /** Number of answers that it gives at the same time; to one more request it says 429. */
  readonly most?: number;
  /** Bytes after which an answer is cut. */
  readonly cutAfter?: number;
  /** Bytes of the longest range that it gives; it gives the beginning of a longer one, and says so. */
  readonly longest?: number;
  /** Whether it gives the whole blob whatever range is asked for. */
  readonly ignoresRanges?: boolean;
}

/** The running registry, and what it has seen. */
export class PacedRegistry implements AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  /** Range headers of the requests; `""` where the whole was asked for. */
  readonly ranges: string[] = [];
  /** Bytes of the blob that were sent. */
  sent = 0;
  /** The largest number of answers that were under way at the same time. */
  atOnce = 0;
  /** Answers that are under way now. */
  open = 0;
  readonly #clock = new ManualClock();
  readonly #servers = new Servers();
  readonly #blob: Uint8Array<ArrayBuffer>;
  readonly #pace: Pace;

  /** Serves `blob` at every address that ends in `/blobs/<digest>`; `others` answer other requests. */
  constructor(
    digest: string,
    blob: Uint8Array<ArrayBuffer>,
    pace: Pace,
    ...others: Parameters<Servers["start"]>
  ) {
    this.#blob = blob;
    this.#pace = pace;
    const answer = (request: Request, { pathname }: URL) =>
      pathname.endsWith(`/blobs/${digest}`) ? this.#answer(request) : undefined;
    this.origin = this.#servers.start(answer, ...others);
  }

  #answer(request: Request): Response {
    const { delay = 0, delayFrom = 0, most = Infinity, cutAfter = Infinity } = this.#pace;
    const { longest = Infinity, ignoresRanges } = this.#pace;
    const range = request.headers.get("range") ?? "";
    this.ranges.push(range);
    if (this.open >= most) return new Response("", { status: 429 });
    const size = this.#blob.length;
    const [, first, last] = /^bytes=([0-9]+)-([0-9]*)$/.exec(range) ?? [];
    const isWhole = first === undefined || ignoresRanges === true;
    const from = isWhole ? 0 : Number(first);
    const asked = isWhole || last === "" ? size : Number(last) + 1;
    const to = isWhole ? size : Math.min(asked, from + longest);
    this.atOnce = Math.max(this.atOnce, ++this.open);
    let at = from;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        if (delay > 0 && at >= delayFrom) {
          this.#clock.advance(delay);
          // All that is under way goes on meanwhile, as it would in a real delay.
          await new Promise((resolve) => timer = setTimeout(resolve));
        }
        const piece = this.#blob.subarray(at, Math.min(at + PIECE, to, from + cutAfter));
        at += piece.length;
        this.sent += piece.length;
        if (piece.length > 0) controller.enqueue(piece);
        if (at < to && piece.length > 0) return;
        this.open--;
        controller.close();
      },
      cancel: () => {
        clearTimeout(timer);
        this.open--;
      },
    }, { highWaterMark: 0 });
    return new Response(body, {
      status: isWhole ? 200 : 206,
      headers: {
        "content-length": `${to - from}`,
        ...(isWhole ? {} : { "content-range": `bytes ${from}-${to - 1}/${size}` }),
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#clock[Symbol.dispose]();
    await this.#servers[Symbol.asyncDispose]();
  }
}
