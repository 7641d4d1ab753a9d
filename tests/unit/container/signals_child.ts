/** A process that forwards signals as to a container on its terminal, and says what it forwards. */
import { forwardSignals } from "../../../lib/container/signals.ts";

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) {
  forwardSignals({
    send: say,
    kill() {
      say("kill");
      Deno.exit();
    },
    // Longer than any test.
    grace: 1e8,
    sharedTerminal: true,
  });
  // A listener alone does not keep a process.
  setInterval(() => {}, 1e8);
  say("ready");
}
