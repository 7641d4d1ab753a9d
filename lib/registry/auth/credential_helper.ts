import { VarveError } from "../../errors.ts";
import type { Credential } from "../contract.ts";

/** Milliseconds that a helper may take: some ask the user. */
const TIME_LIMIT = 30_000;
/** Bytes of a helper's answer. */
const MAX_ANSWER = 64 * 1024;

/** Where credential helpers are, and what they get. */
export interface HelperPlace {
  /** Directories, `:` between them. */
  readonly path: string;
  /** Environment variables besides those of this process. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

/** What a helper is asked for (docker-credential-helpers, "Protocol"). */
export type HelperAction = "get" | "store" | "erase";

/**
 * Asks a credential helper, `docker-credential-NAME`; `undefined` when it knows of none.
 *
 * It is given 30 s and 64 KiB, in a process group that ends with it. What it writes is in no message.
 *
 * @throws {VarveError} `E_USAGE` when the name is no name, `E_PRECONDITION` when there is no such program or it fails
 */
export async function runHelper(
  name: string,
  action: HelperAction,
  input: string,
  { path, variables = {} }: HelperPlace,
  signal?: AbortSignal,
  timeLimit: number = TIME_LIMIT,
): Promise<Credential | undefined> {
  if (!/^[a-z0-9][a-z0-9_-]{0,63}$/.test(name)) {
    throw new VarveError(
      "E_USAGE",
      `Cannot ask credential helper ${JSON.stringify(name.slice(0, 40))}: it is no helper's name`,
    );
  }
  const program = `docker-credential-${name}`;
  const fail = (state: string) =>
    new VarveError("E_PRECONDITION", `Cannot ${action} credentials with ${program}: ${state}`);
  const file = await findProgram(program, path);
  if (file === undefined) throw fail("it is not on PATH");
  const child = spawn(file, action, variables) ?? undefined;
  if (child === undefined) throw fail("it cannot be started");
  const kill = () => killGroup(child.pid);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill();
  }, timeLimit);
  signal?.addEventListener("abort", kill, { once: true });
  try {
    const [answer, status] = await Promise.all([
      readAnswer(child.stdout, kill),
      child.status,
      write(child.stdin, input),
    ]);
    signal?.throwIfAborted();
    if (late) throw fail(`it takes more than ${timeLimit / 1000} s`);
    if (answer === undefined) throw fail(`it answers more than ${MAX_ANSWER} bytes`);
    if (!status.success) {
      // Not to have any is told on stdout, with exit 1.
      if (/credentials not found/i.test(answer)) return undefined;
      throw fail(`it ends with exit code ${status.code}`);
    }
    if (action !== "get") return undefined;
    const credential = credentialOf(answer);
    if (credential === undefined) throw fail("its answer is no credential");
    return credential;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", kill);
    kill();
  }
}

/** A name and its secret; the name `<token>` says that the secret is a refresh token (Docker, "identity token"). */
export function credentialFor(username: string, secret: string): Credential {
  return username === "<token>"
    ? { kind: "refresh", token: secret }
    : { kind: "basic", username, password: secret };
}

function spawn(
  file: string,
  action: HelperAction,
  env: Readonly<Record<string, string>>,
): Deno.ChildProcess | undefined {
  try {
    return new Deno.Command(file, {
      args: [action],
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      detached: true,
    }).spawn();
  } catch {
    return undefined;
  }
}

async function findProgram(name: string, path: string): Promise<string | undefined> {
  for (const directory of path.split(":")) {
    // A relative directory would run what lies beside an image.
    if (!directory.startsWith("/")) continue;
    const file = `${directory}/${name}`;
    const found = await Deno.stat(file).catch(() => undefined);
    if (found?.isFile && ((found.mode ?? 0) & 0o111) !== 0) return file;
  }
  return undefined;
}

async function readAnswer(
  stdout: ReadableStream<Uint8Array>,
  kill: () => void,
): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of stdout) {
    size += chunk.length;
    if (size > MAX_ANSWER) {
      kill();
      return undefined;
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

async function write(stdin: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // It may end without having read: its exit code tells.
    await writer.abort().catch(() => {});
  }
}

function killGroup(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch {
    // The group has ended.
  }
}

function credentialOf(answer: string): Credential | undefined {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(answer) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const [username, secret] = [fields?.["Username"], fields?.["Secret"]];
  if (typeof username !== "string" || typeof secret !== "string" || secret === "") return undefined;
  return credentialFor(username, secret);
}
