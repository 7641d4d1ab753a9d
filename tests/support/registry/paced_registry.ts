/** A registry on loopback that serves one blob in ranges, as fast or slow as it is told to. */
import { Servers } from "./hostile_registry.ts";

const PIECE = 64 * 1024;

/** How it serves. */
export interface Pace {
  /** Milliseconds before every 64 KiB of an answer; none when absent. */
  readonly delay?: number;
  /** The byte from which on it delays; 0 when absent. */
  readonly delayFrom?: number;
  /** Answers at once; one more is 429. */
  readonly most?: number;
  /** Bytes after which an answer is cut. */
  readonly cutAfter?: number;
  /** Bytes that it gives of a range at most, and says so. */
  readonly longest?: number;
  /** Gives the whole, whatever is asked for. */
  readonly ignoresRanges?: boolean;
}

/** What it has seen. */
export class PacedRegistry implements AsyncDisposable {
  /** Where it is. */
  readonly origin: string;
  /** The ranges that were asked for; `""` is the whole. */
  readonly ranges: string[] = [];
  /** Bytes that were sent. */
  sent = 0;
  /** The most answers that were on their way at once. */
  atOnce = 0;
  /** Answers that are on their way. */
  open = 0;
  readonly #servers = new Servers();
  readonly #blob: Uint8Array<ArrayBuffer>;
  readonly #pace: Pace;

  /** Serves `blob` at every address that ends like its digest; `others` answer the rest. */
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
          await new Promise((resolve) => timer = setTimeout(resolve, delay));
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
    await this.#servers[Symbol.asyncDispose]();
  }
}
