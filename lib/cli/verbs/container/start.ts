import { startContainer } from "../../../container/mod.ts";
import type { Verb } from "../../verb.ts";
import { exitOfRun, foreground, giveTerminal } from "./foreground.ts";

/** `varve start`. */
export const start: Verb = {
  usage: "start <key>",
  withoutStore: "refuses",
  summary: "run a container that has ended again, in the foreground",
  help:
    `KEY is a container that 'varve run' made without --rm: 'varve ps' lists it. It runs again on its files, with the
image, command, environment, user, directories and runtime of its last run. -e NAME has the value that NAME had
then. The variables are kept in the store, and 'varve snapshot stat KEY' shows them.

The image is that of the last run, also if its name is gone or belongs to another image now. To run another command
on the files, use 'varve run --name KEY'.

Exit code: as run, and 4 when there is no KEY, 6 when its container is running, or when it cannot be started again.

Examples:
  varve start work
  varve start -t work`,
  configure(command) {
    command
      .option("-t, --tty", "give the container a terminal, also if its last run had none")
      .option("-T, --no-tty", "give it none, also if its last run had one")
      .option(
        "-a, --attach",
        "no effect, for compatibility with Docker: start is in the foreground",
      )
      .option(
        "-i, --interactive",
        "no effect, for compatibility with Docker: standard input is always open",
      );
  },
  exitOf: (error) =>
    exitOfRun(error, [
      "E_USAGE",
      "E_NOT_FOUND",
      "E_EXISTS",
      "E_PRECONDITION",
      "E_BUSY",
      "E_UNSUPPORTED",
    ]),
  async run(context, [key = ""], options) {
    const store = await context.store();
    const snapshotter = await context.snapshotter();
    await using stack = new AsyncDisposableStack();
    const { exit } = await startContainer({
      store,
      snapshotter,
      key,
      tty: options["tty"] as boolean | undefined,
      ...foreground(context),
      onStart: () => giveTerminal(context, stack),
    });
    return { json: undefined, text: "", exit };
  },
};
