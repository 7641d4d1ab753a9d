import { imageUsers } from "../../../container/mod.ts";
import { VarveError } from "../../../errors.ts";
import { formatReference, parseReference } from "../../../oci/mod.ts";
import { liveMounts } from "../../../snapshot/mod.ts";
import { NAMELESS } from "../../../store/internal.ts";
import {
  type DiskStore,
  findImage,
  findImageNames,
  type ImageRecord,
  readImage,
  type Thing,
} from "../../../store/mod.ts";
import { findToRemove, freeUnused, gcOption } from "../../free_unused.ts";
import { PLATFORM_OPTION, platformChoice } from "../../images.ts";
import type { Verb } from "../../verb.ts";

/** `varve tag`. */
export const tag: Verb = {
  usage: "tag <source> <destination>",
  withoutStore: "refuses",
  summary: "give an image another name",
  help: `An image that has the name DESTINATION already loses that name. Without another
name it is listed as <none> until 'varve rmi'. With --platform, DESTINATION means that
platform of an index, on every machine.

JSON: {"name","target"}

Example:
  varve tag debian:12 example.org/base:1`,
  configure(command) {
    command.option(...PLATFORM_OPTION);
  },
  async run(context, [source = "", destination = ""], options) {
    const reference = parseReference(destination);
    if (reference.digest !== undefined) {
      throw new VarveError(
        "E_USAGE",
        `Cannot tag ${destination}: a digest cannot be assigned, give a tag`,
      );
    }
    const { platform: asked } = platformChoice(options);
    const store = await context.store();
    const record = await findImage(store, source);
    // Refuse a platform that the store does not have, before the name is recorded.
    if (asked !== undefined) await readImage(store, record, { platform: asked });
    const platform = asked ?? record.platform;
    const { name, target } = store.images.set(formatReference(reference), record.target, {
      platform,
    });
    return { json: { name, target }, text: `${name}\n` };
  },
};

/** `varve rmi`. */
export const rmi: Verb = {
  usage: "rmi <ref...>",
  withoutStore: "refuses",
  summary: "remove image names, and what only they kept",
  help:
    `When the names are removed, everything is freed that no other image, snapshot or container needs, as 'varve gc'
does. --no-gc leaves that to a later gc.
An image ID or a digest that has several names is refused (exit 6), unless all of them are given. What has it without a
name (<none>) is removed with it. The name of a mounted image is refused (exit 6): unmount it first. So is the last
name of an image that a kept container needs to run again ('varve ps' lists those). --force removes all names of the
ID, and also what a kept container needs.

JSON: {"removed":[NAME],"freed"}, freed in bytes; null when it is not known

Example:
  varve rmi debian:11 app:1`,
  configure(command) {
    gcOption(command);
    command.option(
      "-f, --force",
      "remove all names of an ID, and names that a kept container needs",
    );
  },
  async run(context, references, options) {
    const store = await context.store();
    // Look up every name before the first removal, so that either all names are removed or nothing is.
    const found: { readonly reference: string; readonly records: readonly ImageRecord[] }[] = [];
    for (const reference of references) {
      const find = () => findImageNames(store, reference);
      found.push({ reference, records: await findToRemove(context, options, find) });
    }
    if (options["force"] !== true) refuseSeveralNames(found);
    const records = new Map(found.flatMap(({ records }) => records).map((one) => [one.name, one]));
    const mounts = [...liveMounts(store)];
    for (const { name, target } of records.values()) {
      // An image that was mounted before it had a name is mounted as <none>.
      const own = [`image:${name}`, `image:${NAMELESS}${target.digest}`];
      const mount = mounts.find(([, lease]) => own.some((one) => lease.resources.includes(one)));
      if (mount === undefined) continue;
      throw new VarveError(
        "E_PRECONDITION",
        `Cannot remove ${name}: it is mounted at ${mount[0]}`,
        {
          subject: name,
          hint: `varve umount ${mount[0]}`,
        },
      );
    }
    const names = [...records.keys()];
    if (options["force"] !== true) refuseNeeded(store, names);
    const reached = store.collector.reach(names.map((name): Thing => `image:${name}`));
    for (const name of names) store.images.remove(name);
    const freed = await freeUnused(context, options, { reached });
    return { json: { removed: names, freed }, text: names.map((name) => `${name}\n`).join("") };
  },
};

/** Refuses names that kept containers need to run again. @throws {VarveError} `E_PRECONDITION` */
function refuseNeeded(store: DiskStore, names: readonly string[]): void {
  const [user] = imageUsers(store, names);
  if (user === undefined) return;
  const { name, key } = user;
  throw new VarveError(
    "E_PRECONDITION",
    `Cannot remove ${name}: container ${JSON.stringify(key)} needs it to run again`,
    { subject: name, hint: `remove the container by 'varve snapshot rm', or give --force` },
  );
}

/** Number of names that the message shows. */
const SHOWN = 5;

/**
 * Refuses an ID or digest that has several names, unless the user gave all. A row without a name is no further name of
 * the ID: as in Docker, it is removed with it.
 *
 * @throws {VarveError} `E_PRECONDITION`
 */
function refuseSeveralNames(
  found: readonly { readonly reference: string; readonly records: readonly ImageRecord[] }[],
): void {
  const given = new Set(
    found.filter(({ records }) => records.length === 1).map(({ records }) => records[0]?.name),
  );
  for (const { reference, records } of found) {
    const names = records.map(({ name }) => name).filter((name) => !name.startsWith(NAMELESS));
    if (names.length <= 1 || names.every((name) => given.has(name))) continue;
    const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : "";
    throw new VarveError(
      "E_PRECONDITION",
      `Cannot remove ${reference}: it has ${names.length} names, ${
        names.slice(0, SHOWN).join(", ")
      }${more}`,
      { subject: reference, hint: "give the names to remove, or --force for all of them" },
    );
  }
}
