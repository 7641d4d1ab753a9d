/** Starts {@linkcode ChildTask}s. */
import type { ChildTask } from "./store_child.ts";

/** A child that runs. */
export interface Child extends AsyncDisposable {
  /** Waits until it has said a word. */
  until(word: string): Promise<void>;
  /** All words so far. */
  readonly words: readonly string[];
  /** Lets it go on. */
  go(): Promise<void>;
  /** Kills it at once. */
  kill(): Promise<void>;
  /** Waits for its end; gives its exit code. */
  end(): Promise<number>;
}

const SCRIPT = new URL("./store_child.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** Starts a child. */
export function startChild(task: ChildTask): Child {
  const args = [
    "run",
    "-A",
    "--no-check",
    "--no-lock",
    "--config",
    CONFIG,
    SCRIPT,
    JSON.stringify(task),
  ];
  const process = new Deno.Command(Deno.execPath(), {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const errors = new Response(process.stderr).text();
  const stdin = process.stdin.getWriter();
  const words: string[] = [];
  let rest = "";
  const next = async () => {
    const { value, done } = await lines.read();
    rest += value ?? "";
    const parts = rest.split("\n");
    rest = parts.pop() ?? "";
    words.push(...parts);
    return !done;
  };
  let ended: Promise<number> | undefined;
  const finish = async () => {
    while (await next());
    await stdin.close().catch(() => {});
    const { code } = await process.status;
    const text = await errors;
    if (code !== 0 && code !== 137) throw new Error(text);
    return code;
  };
  const end = () => ended ??= finish();
  return {
    words,
    end,
    async until(word) {
      while (!words.includes(word)) {
        if (!await next()) throw new Error(`no ${word}: ${await errors}`);
      }
    },
    async go() {
      await stdin.write(new Uint8Array([10]));
    },
    async kill() {
      process.kill("SIGKILL");
      await end();
    },
    async [Symbol.asyncDispose]() {
      if (ended === undefined) process.kill("SIGKILL");
      await end().catch(() => {});
    },
  };
}
