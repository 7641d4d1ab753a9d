import { listContainers } from "../../../container/mod.ts";
import { printableLine } from "../../display/printable.ts";
import { table } from "../../display/table.ts";
import type { Verb } from "../../verb.ts";

/** Characters of a command line that are shown. */
const COMMAND_WIDTH = 40;

/** `varve ps`. */
export const ps: Verb = {
  usage: "ps",
  summary: "list containers: those that run, and those that can be started again",
  help: `JSON: [{"key","image","status","exit","pid","created","started","command"}]
"status" is running, paused or exited; "exit" is the code of the last run, null while it runs or when nobody
saw the end; "pid" is the first process as this machine sees it.

It only reads the store. What a run left that was killed together with its watchdog is repaired by the next
'varve run'. A container that ended is removed by 'varve snapshot rm KEY'.`,
  async run(context) {
    const containers = await listContainers(await context.store());
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
          printableLine(command.join(" "), COMMAND_WIDTH),
        ]),
      ),
    };
  },
};
