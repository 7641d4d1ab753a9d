import { VarveError } from "../../errors.ts";
import { permissionError } from "../../linux/mod.ts";
import type { Credential } from "../contract.ts";

/** Milliseconds that a helper may take. The limit is long, because some helpers ask the user. */
const TIME_LIMIT = 30_000;
/** Maximum length of a helper's answer in bytes. */
const MAX_ANSWER = 64 * 1024;

/** The environment of credential helpers. */
export interface HelperEnvironment {
  /** Directories to look for helpers in, separated by `:`, like `PATH`. */
  readonly path: string;
  /** Environment variables for the helper, besides those of this process. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

/** Options for running a helper. */
export interface HelperOptions extends HelperEnvironment {
  /** Kills the helper. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which the helper is killed; 30,000 when absent. */
  readonly timeLimit?: number | undefined;
}

/** The actions of a helper (docker-credential-helpers, "Protocol"). */
export type HelperAction = "get" | "store" | "erase";

/**
 * Runs a credential helper, `docker-credential-NAME`.
 *
 * It may take up to 30 s and answer up to 64 KiB. It runs in its own process group, which is killed
 * at the end. Its output never appears in a message.
 *
 * @returns the credential, for the action `get`; `undefined` when the helper has none
 * @throws {VarveError} `E_USAGE` when the name is malformed, `E_PRECONDITION` when the program does
 * not exist or fails
 */
export async function runHelper(
  name: string,
  action: HelperAction,
  input: string,
  { path, variables = {}, signal, timeLimit = TIME_LIMIT }: HelperOptions,
): Promise<Credential | undefined> {
  if (!/^[a-z0-9][a-z0-9_-]{0,63}$/.test(name)) {
    throw new VarveError(
      "E_USAGE",
      `Cannot ask credential helper ${JSON.stringify(name.slice(0, 40))}: the name is malformed`,
    );
  }
  const program = `docker-credential-${name}`;
  const fail = (state: string) =>
    new VarveError("E_PRECONDITION", `Cannot ${action} credentials with ${program}: ${state}`);
  const file = await findProgram(program, path);
  if (file === undefined) throw fail("it is not on PATH");
  const child = spawn(file, action, variables);
  if (child === undefined) throw fail("it cannot be started");
  const stdout = child.stdout.getReader();
  const kill = () => {
    killGroup(child.pid);
    // A process that the helper left in a session of its own may hold the other end for ever.
    stdout.cancel().catch(() => {});
  };
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, timeLimit);
  signal?.addEventListener("abort", kill, { once: true });
  try {
    const [answer, status] = await Promise.all([
      readAnswer(stdout, kill),
      child.status,
      write(child.stdin, input),
    ]);
    signal?.throwIfAborted();
    if (isLate) throw fail(`it takes more than ${timeLimit / 1000} s`);
    if (answer === undefined) throw fail(`it answers more than ${MAX_ANSWER} bytes`);
    if (!status.success) {
      // A helper without credentials says so on stdout, and exits with 1.
      if (/credentials not found/i.test(answer)) return undefined;
      throw fail(`it ends with exit code ${status.code}`);
    }
    if (action !== "get") return undefined;
    const credential = credentialOf(answer);
    if (credential === undefined) throw fail("its answer holds no credential");
    return credential;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", kill);
    kill();
  }
}

/** The credential of a user name and its secret. For the name `<token>` the secret is a refresh token (Docker, "identity token"). */
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
  } catch (error) {
    const denied = permissionError(error, `start ${file}`);
    if (denied !== undefined) throw denied;
    return undefined;
  }
}

async function findProgram(name: string, path: string): Promise<string | undefined> {
  for (const directory of path.split(":")) {
    // A helper is never run from the working directory, because files there may come from an image.
    if (!directory.startsWith("/")) continue;
    const file = `${directory}/${name}`;
    const found = await Deno.stat(file).catch((error) => {
      const denied = permissionError(error, `find ${name}`);
      if (denied !== undefined) throw denied;
    });
    if (found?.isFile && ((found.mode ?? 0) & 0o111) !== 0) return file;
  }
  return undefined;
}

async function readAnswer(
  stdout: ReadableStreamDefaultReader<Uint8Array>,
  kill: () => void,
): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for (;;) {
    const { value: chunk } = await stdout.read();
    if (chunk === undefined) return text;
    size += chunk.length;
    if (size > MAX_ANSWER) {
      kill();
      return undefined;
    }
    text += decoder.decode(chunk, { stream: true });
  }
}

async function write(stdin: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    // Ignored: a helper may end without reading its input. Its exit code decides.
    await writer.abort().catch(() => {});
  }
}

function killGroup(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch {
    // Ignored: the process group has ended already.
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
