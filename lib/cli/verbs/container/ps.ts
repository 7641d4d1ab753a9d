import { listContainers } from "../../../container/mod.ts";
import { printableLine } from "../../display/printable.ts";
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
  help: `JSON: [{"key","image","status","exit","pid","created","started","command"}]
"status" is running, paused, exited or damaged. "exit" is the exit code of the last run; it is null while the
container runs, and when it is not known. "pid" is the container's first process, as seen from the host. A container
is damaged when it runs, but the file state.json of its run cannot be read: end its process; the next 'varve run' then
removes what is left.

ps only reads the store. When a run and its watchdog were both killed, the next 'varve run' repairs what they
left. 'varve snapshot rm KEY' removes a container that has ended.

Example:
  varve ps --format '{{.key}} {{.status}}'`,
  async run(context) {
    const store = await context.storeIfAny();
    const containers = store === undefined ? [] : await listContainers(store);
    const time = (ms: number) => new Date(ms).toISOString();
    return {
      json: containers.map(({ created, started, ...rest }) => ({
        ...rest,
        created: time(created),
        started: time(started),
      })),
      text: table(
        ["KEY", "IMAGE", "STATUS", "PID", "CREATED", "COMMAND"],
        containers.map(({ key, image, status, exit, pid, created, command }) => [
          key,
          image,
          exit === null ? status : `${status} (${exit})`,
          String(pid ?? ""),
          time(created).slice(0, 16).replace("T", " "),
          printableLine(command.join(" "), COMMAND_WIDTH, context.columns),
        ]),
        context.columns,
      ),
    };
  },
};
