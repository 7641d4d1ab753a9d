import { escapeForTerminal, fromText } from "../../../bytes/mod.ts";
import { listContainers } from "../../../container/mod.ts";
import { printableLine } from "../../display/printable.ts";
import { NO_TRUNC } from "../../display/short.ts";
import { table } from "../../display/table.ts";
import type { Verb } from "../../verb.ts";

/** Columns of a command line that a terminal shows. */
const COMMAND_WIDTH = 40;

/** `varve ps`. */
export const ps: Verb = {
  usage: "ps",
  onlyReads: true,
  withoutStore: "lists nothing",
  summary: "list containers that run or can be started again",
  configure(command) {
    command
      .option("-a, --all", "no effect, for compatibility with Docker: all containers are listed")
      .option("-q, --only-keys", "print only keys")
      .option(...NO_TRUNC);
  },
  help: `JSON: [{"key","image","status","exit","pid","created","started","command"}]
"status" is running, paused, exited or damaged. "exit" is the exit code of the last run; it is null while the
container runs, and when it is not known. "pid" is the container's first process, as seen from the host. A container
is damaged when it runs, but the file state.json of its run cannot be read: end its process; the next 'varve run' then
removes what is left.

ps only reads the store. When a run and its watchdog were both killed, the next 'varve run' repairs what they
left. 'varve snapshot rm KEY' removes a container that has ended.

Example:
  varve ps --format '{{.key}} {{.status}}'`,
  async run(context, _, options) {
    const store = await context.storeIfAny();
    const containers = store === undefined ? [] : await listContainers(store);
    const time = (ms: number) => new Date(ms).toISOString();
    const json = containers.map(({ created, started, ...rest }) => ({
      ...rest,
      created: time(created),
      started: time(started),
    }));
    if (options["onlyKeys"] === true) {
      return { json, text: containers.map(({ key }) => `${escapeForTerminal(fromText(key))}\n`) };
    }
    const width = options["trunc"] === false ? undefined : context.columns;
    return {
      json,
      text: table(
        ["KEY", "IMAGE", "STATUS", "PID", "CREATED", "COMMAND"],
        containers.map(({ key, image, status, exit, pid, created, command }) => [
          key,
          image,
          exit === null ? status : `${status} (${exit})`,
          String(pid ?? ""),
          time(created).slice(0, 16).replace("T", " "),
          printableLine(command.join(" "), COMMAND_WIDTH, width),
        ]),
        context.columns,
      ),
    };
  },
};
