/** Processes that begin at the same time. */

/** A process that waits at the line. */
export interface Racer {
  /** Lets it run; gives what it printed, as JSON. */
  go(): Promise<string[]>;
}

/** Starts a script of this directory that prints a line, waits for a byte, and prints a JSON list at its end. */
export async function startRacer(script: string, args: readonly string[]): Promise<Racer> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--quiet",
      new URL(script, import.meta.url).pathname,
      ...args,
    ],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const piece = await reader.read();
    if (piece.done) throw new Error(`${script} ended before it began`);
    text += piece.value;
  }
  return {
    async go(): Promise<string[]> {
      const writer = child.stdin.getWriter();
      await writer.write(new Uint8Array(1));
      await writer.close();
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        text += piece.value;
      }
      await child.status;
      return JSON.parse(text.split("\n")[1] ?? "");
    },
  };
}
