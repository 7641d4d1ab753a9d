import { assertEquals } from "@std/assert";
import type { Context } from "../../../../../lib/cli/context.ts";
import { foreground } from "../../../../../lib/cli/verbs/container/foreground.ts";

/** The command that repairs the store after a kill, for a store at `root`. */
function sweepOf(root: string, driver?: string): readonly string[] | undefined {
  const context = {
    io: { env: () => undefined, self: () => ["varve"] },
    signal: new AbortController().signal,
    options: { root, driver },
  };
  return foreground(context as unknown as Context).sweep;
}

Deno.test("the command that repairs the store names the same store in any directory", () => {
  assertEquals(sweepOf("/var/store"), ["varve", "--root", "/var/store", "reap"]);
  assertEquals(sweepOf("a/store", "native"), [
    ...["varve", "--root", `${Deno.cwd()}/a/store`],
    ...["--driver", "native", "reap"],
  ]);
});
