/** The command with failure points in it: `VARVE_FAILPOINTS` holds their terms by name, as JSON. */
import { type Io, runCli } from "../../lib/cli/mod.ts";
import { setFailpoints } from "../support/faults/failpoints.ts";

/** What the process writes on standard output before anything else: the hits of each point, at its end. */
export const HITS = "hits ";

const io: Io = {
  env: (name) => Deno.env.get(name),
  stdout: async (data) => {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    for (let done = 0; done < bytes.length;) done += await Deno.stdout.write(bytes.subarray(done));
  },
  stderr: (text) => void Deno.stderr.writeSync(new TextEncoder().encode(text)),
  stdin: () => Deno.stdin.readable,
  isTerminal: () => false,
};

if (import.meta.main) {
  const hits = setFailpoints(JSON.parse(Deno.env.get("VARVE_FAILPOINTS") ?? "{}"));
  const code = await runCli(Deno.args, { io, isRoot: Deno.uid() === 0 });
  await io.stdout(`${HITS}${JSON.stringify(Object.fromEntries(hits))}\n`);
  Deno.exit(code);
}
