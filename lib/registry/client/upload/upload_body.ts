import type { UploadBody } from "../../http/send_request.ts";

/** The source of a body's bytes. */
export interface UploadSource {
  /** Opens the bytes. */
  readonly open: () => Promise<ReadableStream<Uint8Array>>;
  /** Called with the number of bytes that were sent so far. */
  readonly onProgress: (taken: number) => void;
  /** Called when the source itself fails. */
  readonly onError: (error: unknown) => void;
}

/** Makes a body that counts its bytes and can be stopped. */
export function uploadBody({ open, onProgress, onError }: UploadSource): UploadBody {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  let taken = 0;
  let ended = false;
  let stop: (reason: unknown) => void = () => {};
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      stop = (reason) => {
        if (ended) return;
        ended = true;
        controller.error(reason);
        void reader?.cancel(reason).catch(() => {});
      };
    },
    async pull(controller) {
      try {
        reader ??= (await open()).getReader();
        const { done, value } = await reader.read();
        // The body was stopped while `open` ran, when `stop` had no reader to cancel yet.
        if (ended) return await reader.cancel().catch(() => {});
        if (done) {
          ended = true;
          controller.close();
          return;
        }
        taken += value.length;
        onProgress(taken);
        controller.enqueue(value);
      } catch (error) {
        onError(error);
        stop(error);
      }
    },
    async cancel(reason) {
      ended = true;
      await reader?.cancel(reason);
    },
  }, { highWaterMark: 0 });
  return { stream, stop: (reason) => stop(reason), taken: () => taken };
}
