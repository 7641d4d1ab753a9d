import { escapeText } from "../../../bytes/mod.ts";
import { isVarveError, VarveError } from "../../../errors.ts";
import {
  addToIndex,
  type AddToIndexOptions,
  createIndex,
  readIndex,
  removeFromIndex,
  type StoredIndex,
  type StoredIndexEntry,
} from "../../../image/mod.ts";
import {
  attestedDigest,
  formatPlatform,
  isAttachment,
  mediaTypeInfo,
  type Platform,
} from "../../../oci/mod.ts";
import type { Command } from "commander";
import type { Context } from "../../context.ts";
import { printableLine } from "../../display/printable.ts";
import { digestStyle, NO_TRUNC, shortDigest } from "../../display/short.ts";
import { table } from "../../display/table.ts";
import { pairs } from "../../image_config/container_options.ts";
import { platformOption } from "../../images.ts";
import {
  collect,
  listOption,
  type Options,
  type Report,
  stringOption,
  type Verb,
} from "../../verb.ts";

/** Columns of annotations that the table shows. */
const WIDTH = 60;

/** Number of platforms that the text about a new index shows. */
const SHOWN = 20;

const JSON_HELP =
  `JSON: {"name","digest","mediaType","size","annotations","manifests":[{"digest","mediaType","platform","size",
"annotations","artifactType","attests","present"}]}. "platform" is null where the index says none, "attests" is the digest
of the manifest that an attestation is about, else null. "present" says whether the store holds the manifest.`;

const MEMBERS_HELP =
  `REF is an image of the store. 'varve load' and 'varve copy docker://REF store:REF' bring all platforms of an index into it,
'varve pull' brings one. If REF is an index, its manifests are taken, also those of indexes inside of it, with their
platforms and annotations; what the store does not hold is left out, with a warning. A REF that was pulled or loaded with
--platform is that platform. --platform takes only these platforms, with exactly this variant. The platform of an image is
that of its config. Attestations go along with the image that they are about. An artifact as REF is refused (exit 7).

A manifest that is named twice is there once. Two images for one platform are allowed, with a warning: most clients take
the first. --desc-annotation and --desc-platform describe the images that are given now. The platform may add what the
config does not say, such as the variant.`;

/** The verbs of `varve index`. */
export const indexVerbs: readonly Verb[] = [
  {
    usage: "create <destination> <ref...>",
    withoutStore: "refuses",
    summary: "make an index of images, such as one for each platform",
    help:
      `The new image is an OCI index. The same images in the same order give the same bytes. A name that is taken
moves to it, as with tag; the image that had it stays as <none> if it has no other name.

${MEMBERS_HELP}

${JSON_HELP}

Examples:
  varve index create app:2 app:amd64 app:arm64
  varve index create app:2 app:1 --platform linux/arm64
  varve push app:2 localhost:5000/app:2`,
    configure: addedOptions,
    async run(context, [name = "", ...references], options) {
      const added = addOptions(context, options);
      const store = await context.store();
      return reportOf(await createIndex(store, references, { ...added, name }));
    },
  },
  {
    usage: "add <index> <ref...>",
    withoutStore: "refuses",
    summary: "add images to an index, or describe those that it has",
    help:
      `INDEX is a name, which moves to the new index. The old index is given up if it has no other name. An image that the
index has already stays in its place, and gets what the --desc options say.

${MEMBERS_HELP}

A manifest list of Docker becomes an OCI index when it gets what such a list cannot have: OCI's manifests or annotations.

${JSON_HELP}

Examples:
  varve index add app:2 app:riscv64
  varve index add app:2 app:arm --desc-platform linux/arm/v6`,
    configure: addedOptions,
    async run(context, [index = "", ...references], options) {
      const added = addOptions(context, options);
      return reportOf(await addToIndex(await context.store(), index, references, added));
    },
  },
  {
    usage: "rm <index> <entry...>",
    withoutStore: "refuses",
    summary: "remove manifests from an index",
    help:
      `ENTRY is the digest of a manifest in the index, or its first digits (at least 4), or a platform, which removes all
manifests for exactly that platform; unknown/unknown removes all attestations. A manifest goes with the attestations
about it. The last image stays (exit 6): 'varve rmi' removes the index.

INDEX is a name, which moves to the new index. The old index is given up if it has no other name. The next 'varve gc' frees
the manifests that nothing else needs.

${JSON_HELP}

Examples:
  varve index rm app:2 linux/riscv64
  varve index rm app:2 0123456789ab`,
    async run(context, [index = "", ...entries]) {
      const removed = entries.map(entryOption);
      const { signal } = context;
      return reportOf(await removeFromIndex(await context.store(), index, removed, { signal }));
    },
  },
  {
    usage: "ls <ref>",
    withoutStore: "refuses",
    summary: "list the manifests of an index",
    onlyReads: true,
    help:
      `SIZE is that of the manifest itself. HERE says whether the store holds it: of an index that was pulled, it may hold
only some platforms.

${JSON_HELP}

Example:
  varve index ls debian:12`,
    configure: (command) => void command.option(...NO_TRUNC),
    async run(context, [reference = ""], options) {
      const found = await readIndex(await context.store(), reference);
      return { json: jsonOf(found), text: listing(context, found, options) };
    },
  },
];

function addedOptions(command: Command): void {
  command
    .option("--platform <platform>", "take only this platform; may be given several times", collect)
    .option(
      "--annotation <name=value>",
      "annotation of the index; may be given several times",
      collect,
    )
    .option(
      "--desc-annotation <name=value>",
      "annotation of the images' descriptors in the index; may be given several times",
      collect,
    )
    .option("--desc-platform <platform>", "platform of the one image, such as linux/arm/v6");
}

function addOptions(context: Context, options: Options): AddToIndexOptions {
  const platforms = listOption(options, "platform").map((text) => platformOption(text) as Platform);
  return {
    platforms: platforms.length === 0 ? undefined : platforms,
    annotations: Object.fromEntries(pairs(options, "annotation")),
    descriptorAnnotations: Object.fromEntries(pairs(options, "descAnnotation")),
    descriptorPlatform: platformOption(stringOption(options, "descPlatform")),
    signal: context.signal,
    onWarning: (message) => context.warn(message),
  };
}

/**
 * A digest or the beginning of one, else a platform. No platform has the form of a digest.
 *
 * @throws {VarveError} `E_USAGE`
 */
function entryOption(text: string): string | Platform {
  if (/^(?:sha(?:256|512):.*|[0-9a-f]{4,})$/.test(text)) return text;
  try {
    return platformOption(text) as Platform;
  } catch (error) {
    if (!isVarveError(error, "E_USAGE")) throw error;
    throw new VarveError(
      "E_USAGE",
      `Cannot remove ${JSON.stringify(text)}: it is neither a digest nor a platform`,
      { subject: text, hint: "give at least 4 digits, or a platform such as linux/arm64" },
    );
  }
}

function jsonOf({ record, index, entries }: StoredIndex) {
  const { mediaType, annotations, raw } = index;
  return {
    name: record.name,
    digest: record.target.digest,
    mediaType,
    size: raw.length,
    annotations,
    manifests: entries.map(({ descriptor, isPresent }) => ({
      digest: descriptor.digest,
      mediaType: descriptor.mediaType,
      platform: descriptor.platform === undefined ? null : platformText(descriptor.platform),
      size: descriptor.size,
      annotations: descriptor.annotations ?? {},
      artifactType: descriptor.artifactType ?? null,
      attests: attestedDigest(descriptor) ?? null,
      present: isPresent,
    })),
  };
}

function reportOf(made: StoredIndex): Report {
  const { record, entries } = made;
  const platforms = entries.map(({ descriptor }) => descriptor).filter((one) => !isAttachment(one))
    .map(({ platform }) => platform === undefined ? "unknown" : platformText(platform));
  const more = platforms.length > SHOWN ? ` and ${platforms.length - SHOWN} more` : "";
  const shown = escapeText(platforms.slice(0, SHOWN).join(", "));
  return {
    json: jsonOf(made),
    text: `${record.name}\n  digest     ${record.target.digest}\n  manifests  ${entries.length}\n` +
      `  platforms  ${shown}${more}\n`,
  };
}

function listing(context: Context, { entries }: StoredIndex, options: Options): string {
  const show = digestStyle(options);
  const isWhole = options["trunc"] === false;
  const isAnnotated = entries.some(({ descriptor }) => textOf(descriptor, false) !== "");
  return table(
    ["DIGEST", "PLATFORM", "TYPE", "SIZE", "HERE", ...isAnnotated ? ["ANNOTATIONS"] : []],
    entries.map((entry) => {
      const { descriptor, isPresent } = entry;
      const annotations = textOf(descriptor, !isWhole);
      return [
        show(descriptor.digest),
        descriptor.platform === undefined ? "" : platformText(descriptor.platform),
        typeOf(entry),
        descriptor.size,
        isPresent ? "yes" : "no",
        ...isAnnotated
          ? [isWhole ? annotations : printableLine(annotations, WIDTH, context.columns)]
          : [],
      ];
    }),
    context.columns,
  );
}

function textOf({ annotations = {} }: StoredIndexEntry["descriptor"], isShort: boolean): string {
  return Object.entries(annotations).map(([name, value]) =>
    `${name}=${isShort ? shortDigest(value) : value}`
  ).join(" ");
}

function typeOf({ descriptor }: StoredIndexEntry): string {
  if (attestedDigest(descriptor) !== undefined) return "attestation";
  if (isAttachment(descriptor)) return "artifact";
  return mediaTypeInfo(descriptor.mediaType)?.role === "index" ? "index" : "image";
}

function platformText(platform: Platform): string {
  return platform.os === "unknown" ? "unknown" : formatPlatform(platform);
}
