/** A real browser, driven by the DevTools protocol: https://chromedevtools.github.io/devtools-protocol/ */
import { killGroup } from "../machine/process.ts";
import { tempDir } from "../machine/temp_dir.ts";

/** Debian's program of this name, as root without its sandbox. */
const PROGRAM = "chromium-headless-shell";

/** An open page. */
export interface BrowserPage {
  /** Evaluates an expression, and waits for a promise in it. @throws {Error} what the expression throws */
  // deno-lint-ignore no-explicit-any
  eval(expression: string): Promise<any>;
  /** Presses a key, as a keyboard does: `Enter`, `a`. */
  press(key: string): Promise<void>;
  /** Prefers light or dark. */
  prefer(scheme: "light" | "dark"): Promise<void>;
  /** Goes to an address, and waits until the page says that it is ready. */
  open(url: string): Promise<void>;
  /** Requests that the page made, besides that of its own file. */
  readonly requests: readonly string[];
  /** What the browser said: violations of the policy, exceptions, messages. */
  readonly problems: readonly string[];
}

/** A running browser with one page. */
export interface Browser extends AsyncDisposable {
  readonly page: BrowserPage;
}

type Message = Record<string, unknown> & {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: unknown;
};

/** Starts a browser. */
export async function startBrowser(): Promise<Browser> {
  await using stack = new AsyncDisposableStack();
  const profile = stack.use(await tempDir("varve-browser-"));
  const child = new Deno.Command(PROGRAM, {
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile.path}`,
      "--window-size=1200,900",
      "about:blank",
    ],
    env: { HOME: profile.path },
    stdout: "null",
    stderr: "piped",
    detached: true,
  }).spawn();
  stack.defer(async () => {
    // The program is a script that starts the browser.
    killGroup(child.pid);
    await child.status;
    await child.stderr.cancel();
  });
  const address = await addressOf(child.stderr);
  const socket = new WebSocket(address);
  const closed = Promise.withResolvers<void>();
  socket.onclose = () => closed.resolve();
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  stack.defer(async () => {
    socket.close();
    await closed.promise;
  });
  const page = await openPage(socket);
  const held = stack.move();
  return { page, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** The address that a browser says on its standard error. */
async function addressOf(stderr: ReadableStream<Uint8Array>): Promise<string> {
  let said = "";
  const decoder = new TextDecoder();
  for await (const chunk of stderr.values({ preventCancel: true })) {
    said += decoder.decode(chunk, { stream: true });
    const [, address] = /DevTools listening on (ws:\S+)/.exec(said) ?? [];
    if (address !== undefined) return address;
  }
  throw new Error(`${PROGRAM} did not start: ${said}`);
}

async function openPage(socket: WebSocket): Promise<BrowserPage> {
  const waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  const requests: string[] = [];
  const problems: string[] = [];
  let id = 0;
  const session: { id?: string } = {};
  socket.onmessage = ({ data }) => {
    const message: Message = JSON.parse(data);
    if (message.id !== undefined) {
      const one = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error === undefined) one?.resolve(message.result ?? {});
      else one?.reject(new Error(JSON.stringify(message.error)));
    } else note(message, requests, problems);
  };
  const send = (method: string, params: Record<string, unknown> = {}) => {
    const one = Promise.withResolvers<Record<string, unknown>>();
    waiting.set(++id, one);
    socket.send(JSON.stringify({ id, method, params, sessionId: session.id }));
    return one.promise;
  };
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  const attached = await send("Target.attachToTarget", { targetId, flatten: true });
  session.id = attached["sessionId"] as string;
  for (const domain of ["Page", "Runtime", "Network", "Log", "Audits"]) {
    await send(`${domain}.enable`);
  }
  const evaluate = async (expression: string) => {
    const { result, exceptionDetails } = await send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    }) as { result: { value: unknown }; exceptionDetails?: unknown };
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  };
  return {
    requests,
    problems,
    eval: evaluate,
    async press(key) {
      const text = key.length === 1 ? key : key === "Enter" ? "\r" : undefined;
      const codes: Record<string, number> = { Enter: 13, Tab: 9, Escape: 27, ArrowRight: 39 };
      const code = codes[key] ?? key.toUpperCase().charCodeAt(0);
      const event = { key, text, windowsVirtualKeyCode: code };
      await send("Input.dispatchKeyEvent", { type: "keyDown", ...event });
      await send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
    },
    async prefer(scheme) {
      const features = [{ name: "prefers-color-scheme", value: scheme }];
      await send("Emulation.setEmulatedMedia", { features });
    },
    async open(url) {
      await send("Page.navigate", { url: "about:blank" });
      requests.splice(0);
      await send("Page.navigate", { url });
      await evaluate(`new Promise((resolve) => {
        const look = () => document.getElementById("content")?.dataset.ready === "1"
          ? resolve() : requestAnimationFrame(look);
        look();
      })`);
    },
  };
}

function note({ method, params = {} }: Message, requests: string[], problems: string[]): void {
  switch (method) {
    case "Network.requestWillBeSent": {
      const { url } = params["request"] as { url: string };
      requests.push(url);
      break;
    }
    case "Runtime.exceptionThrown":
    case "Runtime.consoleAPICalled":
    case "Log.entryAdded":
    case "Page.javascriptDialogOpening":
      problems.push(JSON.stringify(params));
      break;
    case "Audits.issueAdded": {
      const { code } = params["issue"] as { code: string };
      if (code === "ContentSecurityPolicyIssue") problems.push(JSON.stringify(params));
    }
  }
}
