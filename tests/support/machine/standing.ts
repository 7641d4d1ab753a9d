/** A process that stands still until its disposal ends it. */
export interface StandingProcess extends AsyncDisposable {
  readonly pid: number;
}

/**
 * Starts a process that writes something when it is ready, and then reads its input to the end, as
 * `sh -c "echo ready; exec cat"` does. Waits until it is ready.
 */
export async function standing([program = "", ...args]: readonly string[]): Promise<
  StandingProcess
> {
  const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await reader.cancel();
      await child.status;
    },
  };
}
