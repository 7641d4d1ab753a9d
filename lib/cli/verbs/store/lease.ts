import { VarveError } from "../../../errors.ts";
import type { DiskStore, Lease } from "../../../store/mod.ts";
import { leaseStates, protect } from "../../../upkeep/mod.ts";
import { requireDuration } from "../../duration.ts";
import { printableLine } from "../../display/printable.ts";
import { shortDigest } from "../../display/short.ts";
import { table } from "../../display/table.ts";
import { collect, listOption, stringOption, type Verb } from "../../verb.ts";

/** Columns of resources that a terminal shows. */
const WIDTH = 60;

/** Latest end of a lease, in ms since the epoch: the year has four digits. */
const LATEST = Date.UTC(9999, 11, 31);

const JSON_HELP = `{"id","created","expires","live","labels":{KEY:VALUE},"resources":[TEXT]}`;

/** The verbs of `varve lease`. */
export const leaseVerbs: readonly Verb[] = [
  {
    usage: "ls",
    withoutStore: "lists nothing",
    summary: "list leases",
    onlyReads: true,
    help:
      `The lease of a mount is live while the image is mounted, that of a container while it runs, any other until it
expires. 'varve gc' removes expired ones.

JSON: [${JSON_HELP}], "expires" is null for never

Example:
  varve lease ls`,
    async run(context) {
      const store = await context.storeIfAny();
      const leases = store === undefined ? [] : leaseStates(store);
      return {
        json: leases.map(({ lease, live }) => jsonOf(lease, live)),
        text: table(
          ["ID", "LIVE", "EXPIRES", "RESOURCES"],
          leases.map(({ lease: { id, expiresAt, resources }, live }) => [
            id,
            live ? "yes" : "no",
            expiresAt === null ? "never" : timeOf(expiresAt).slice(0, 19).replace("T", " "),
            printableLine(resources.map(shortResource).join(" "), WIDTH, context.columns),
          ]),
          context.columns,
        ),
      };
    },
  },
  {
    usage: "create <thing...>",
    withoutStore: "refuses",
    summary: "keep things from gc until the lease is removed or expires",
    help:
      `THING is the name of an image, a digest or a unique prefix of one, or the key of a snapshot, as for 'varve why'. An
image is kept also when it loses its name. The lease's id is printed.

JSON: ${JSON_HELP}

Example:
  varve lease create --expires 2h --label job=42 debian:12`,
    configure(command) {
      command
        .option("--id <id>", "id of the lease; a random one when absent")
        .option("--expires <duration>", "end of the lease from now on, such as 90s, 1h30m or 7d")
        .option("--label <key=value>", "a label; may be given several times", collect);
    },
    async run(context, things, options) {
      const expires = stringOption(options, "expires");
      const lease = await protect(await context.store(), things, {
        id: stringOption(options, "id"),
        expiresAt: expires === undefined ? undefined : endOf(expires),
        labels: Object.fromEntries(listOption(options, "label").map(labelOf)),
      });
      return { json: jsonOf(lease, true), text: `${lease.id}\n` };
    },
  },
  {
    usage: "rm <id...>",
    withoutStore: "refuses",
    summary: "remove leases",
    help:
      `What only they kept is removed by the next 'varve gc'. The lease of a mount or of a container that runs is refused
(exit 6): unmount it, or end it.

JSON: {"removed":[ID]}

Example:
  varve lease rm nightly`,
    async run(context, words) {
      const store = await context.store();
      const ids = [...new Set(words)];
      // Either all are removed or none is.
      for (const id of ids) refuseHeld(store, id);
      for (const id of ids) store.leases.remove(id);
      return { json: { removed: ids }, text: ids.map((id) => `${id}\n`).join("") };
    },
  },
];

function refuseHeld(store: DiskStore, id: string): void {
  const found = leaseStates(store).find(({ lease }) => lease.id === id);
  if (found === undefined) {
    throw new VarveError(
      "E_NOT_FOUND",
      `Cannot remove lease ${JSON.stringify(id)}: there is none`,
      {
        subject: id,
        hint: "'varve lease ls' lists them",
      },
    );
  }
  if (!found.live || found.heldBy === null) return;
  throw new VarveError(
    "E_PRECONDITION",
    `Cannot remove lease ${JSON.stringify(id)}: ${found.heldBy}`,
    { subject: id, hint: "unmount it, or end the container" },
  );
}

/** When a lease ends that is to last for a duration from now on, in ms since the epoch. */
function endOf(duration: string): number {
  const end = Date.now() + requireDuration("--expires", duration);
  if (end <= LATEST) return end;
  throw new VarveError(
    "E_USAGE",
    `Cannot use --expires ${JSON.stringify(duration)}: it is too long`,
    {
      hint: "a lease without an end lasts until it is removed",
    },
  );
}

function labelOf(text: string): [key: string, value: string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new VarveError("E_USAGE", `Cannot use --label ${JSON.stringify(text)}`, {
    hint: "give KEY=VALUE",
  });
}

function jsonOf({ id, createdAt, expiresAt, labels, resources }: Lease, live: boolean) {
  return {
    id,
    created: timeOf(createdAt),
    expires: expiresAt === null ? null : timeOf(expiresAt),
    live,
    labels,
    resources,
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** A resource with an abbreviated digest. */
function shortResource(resource: string): string {
  const at = resource.indexOf(":");
  return `${resource.slice(0, at)}:${shortDigest(resource.slice(at + 1))}`;
}
