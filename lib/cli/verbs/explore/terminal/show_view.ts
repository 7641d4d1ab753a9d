import type { Context } from "../../../context.ts";
import type { TakenTerminal } from "../../../io.ts";
import type { FileExtractor } from "./file_extractor.ts";
import { KeyReader } from "./keys.ts";
import type { ViewModel } from "./model.ts";
import { Painter } from "./paint.ts";
import { screenLines } from "./screen.ts";
import { firstState, pressed, resized, saying } from "./state.ts";

/**
 * Shows an image on the terminal until the user quits, or the command is aborted. The terminal is restored, however this
 * ends.
 */
export async function showView(
  { io, signal }: Pick<Context, "io" | "signal">,
  model: ViewModel,
  extractor: Pick<FileExtractor, "extract">,
): Promise<void> {
  if (io.takeTerminal === undefined) throw new TypeError("There is no terminal to take");
  using terminal = io.takeTerminal();
  const events = eventsOf(terminal, signal);
  const keys = new KeyReader();
  const painter = new Painter(terminal.isColored);
  let state = firstState(model, terminal.size());
  for (;;) {
    await io.stdout(painter.paint(screenLines(state)));
    const event = await events();
    if (event === null) return;
    if (event === "resize") {
      state = resized(state, terminal.size());
      await io.stdout(painter.clear());
      continue;
    }
    for (const key of keys.read(event)) {
      state = pressed(state, key);
      if (state.wish === "quit") return;
      if (state.wish === undefined) continue;
      state = saying(state, await extractor.extract(state, state.wish.extract));
      // What was printed meanwhile, such as a warning, is drawn over.
      await io.stdout(painter.clear());
    }
  }
}

/** Waits for what comes next: typed bytes, another size, or `null` for the end of the terminal. */
function eventsOf(
  terminal: TakenTerminal,
  signal: AbortSignal,
): () => Promise<Uint8Array | "resize" | null> {
  let resize = Promise.withResolvers<"resize">();
  terminal.onResize(() => resize.resolve("resize"));
  const aborted = Promise.withResolvers<never>();
  // It is waited for below; until then, nobody handles it.
  aborted.promise.catch(() => {});
  const abort = () => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  let typed: Promise<Uint8Array | null> | undefined;
  return async () => {
    typed ??= terminal.read();
    const event = await Promise.race([aborted.promise, typed, resize.promise]);
    if (event === "resize") resize = Promise.withResolvers();
    else typed = undefined;
    return event;
  };
}
