import { VarveError } from "../../../errors.ts";
import { formatReference, parseReference } from "../../../oci/mod.ts";
import { liveMounts } from "../../../snapshot/mod.ts";
import { findImage, readImage } from "../../../store/mod.ts";
import { PLATFORM_OPTION, platformChoice } from "../../images.ts";
import type { Verb } from "../../verb.ts";

/** `varve tag`. */
export const tag: Verb = {
  usage: "tag <source> <destination>",
  summary: "give an image another name",
  help:
    `An image that has the name DESTINATION already loses that name. With --platform, DESTINATION means that
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
    // Refused before the name is given, if the store does not have that platform.
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
  summary: "remove image names",
  help: `Only names are removed. Blobs and layers stay in the store until garbage collection.
The name of a mounted image is refused (exit 6): unmount it first.

JSON: {"removed":[NAME]}`,
  async run(context, references) {
    const store = await context.store();
    const records = [];
    // Look up every name before the first removal, so that either all names are removed or nothing is.
    for (const reference of references) records.push(await findImage(store, reference));
    const names = [...new Set(records.map((record) => record.name))];
    const mounts = [...liveMounts(store)];
    for (const name of names) {
      const mount = mounts.find(([, lease]) => lease.resources.includes(`image:${name}`));
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
    for (const name of names) store.images.remove(name);
    return { json: { removed: names }, text: names.map((name) => `${name}\n`).join("") };
  },
};
