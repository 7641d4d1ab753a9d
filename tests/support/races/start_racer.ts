/** Processes that begin their work at the same time. */

/** A process that is ready and waits. */
export interface Racer {
  /** Lets it work to its end. @returns the JSON list that it printed */
  go(): Promise<string[]>;
}

/** Starts a script of this directory, which prints a line when it is ready, waits for a byte on stdin, and prints a JSON list at its end. */
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
