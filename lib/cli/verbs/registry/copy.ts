import { VarveError } from "../../../errors.ts";
import { mediaTypeInfo } from "../../../oci/mod.ts";
import type { PushedImage } from "../../../registry/mod.ts";
import { hostPlatform } from "../../../store/mod.ts";
import { addCompressionOptions, compressionOf, sentUncompressed } from "../../compression.ts";
import type { Context } from "../../context.ts";
import { copyDestination, refuseSameFile } from "../../copy/copy_destination.ts";
import type { CopiedImage } from "../../copy/contract.ts";
import { copySource } from "../../copy/copy_source.ts";
import { copyTags, requireTags } from "../../copy/copy_tags.ts";
import { orNameOfStore } from "../../copy/name_of_store.ts";
import { parseDestination, parsePlace } from "../../copy/place.ts";
import { platformOption } from "../../images.ts";
import { parseConcurrency } from "../../registry.ts";
import { PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";
import { collect, listOption, stringOption, type Verb } from "../../verb.ts";
import { pushReport } from "./push.ts";

/** `varve copy`. */
export const copy: Verb = {
  usage: "copy <source> <destination>",
  withoutStore: ([source = "", destination = ""]) =>
    source.startsWith("store:") ? "refuses" : destination.startsWith("store:") ? "makes" : "unused",
  summary: "copy an image between registries, archives, OCI layouts and the store",
  help: `SOURCE and DESTINATION are each one of
  docker://REF               an image of a registry, also without docker://
  oci:DIR[:NAME]             an image of an OCI layout directory
  oci-archive:FILE[:NAME]    an image of an OCI layout in a tar
  docker-archive:FILE[:REF]  an image of a docker-archive
  store:REF                  an image of the store

A layout that is there gets the image besides its others, as with save --oci-dir. A FILE that is there is replaced. A
FILE or a new layout appears complete, or not at all.

Every byte is verified. Manifests are copied byte for byte, so that digests stay the same. A layout keeps Docker's
manifests, too, which skopeo does not read there. The manifest of a docker-archive is made.

The store is not used, unless it is named, but for its settings limits.oci.*, which hold for all that is copied. Only a
docker-archive or a compressed tar as SOURCE is unpacked into a temporary store first. From other places, blobs are
streamed through memory. Between repositories of one registry they are mounted instead of sent. After a broken
connection a blob continues where it stopped.

All platforms of an index are copied. --platform copies the manifest of one. Given several times, it makes a new index
of these, with their attestations. Into a docker-archive goes the platform of this machine, if no other is asked for.

In a layout or an archive the image has the name after the path: a tag, or a full name. Without it, the image keeps
the name that it has.

--all-tags copies every tag of a repository to a repository, to oci:DIR or to store:REPOSITORY. A tag that is there
already with the same digest is skipped. A tag that fails is told, the others are copied, and the exit code is that of
the first failure.

JSON: as in push, "uploaded" is also what was written; with --all-tags {"repository","tags":[{"tag","present",
and as in push, or "error":{"code","message"}}]}

Examples:
  varve copy debian:12 localhost:5000/debian:12
  varve copy debian:12 oci:./layout:12
  varve copy oci-archive:app.tar docker://localhost:5000/app:1
  varve copy store:app:1 docker-archive:app.tar
  varve copy --all-tags docker://localhost:5000/app oci:./layout`,
  configure(command) {
    command
      .option("--all-tags", "copy every tag of the repository SOURCE")
      .option(...PLAIN_HTTP_OPTION)
      .option("--concurrency <n>", "number of blobs to copy at once (default 4)")
      .option(
        "--platform <platform>",
        "copy only this platform of an index, such as linux/arm64; may be repeated",
        collect,
      );
    addCompressionOptions(command);
  },
  async run(context, [source = "", destination = ""], options) {
    const concurrency = parseConcurrency(stringOption(options, "concurrency"));
    const from = parsePlace(source, "copy");
    const to = parseDestination(destination, from);
    const asked = listOption(options, "platform").flatMap((text) => platformOption(text) ?? []);
    const isAllTags = options["allTags"] === true;
    if (isAllTags) requireTags(from, to);
    await refuseSameFile(from, to);
    if (to.kind === "docker-archive" && asked.length > 1) {
      throw new VarveError(
        "E_USAGE",
        `Cannot copy to ${destination}: a docker-archive takes one platform`,
      );
    }
    const platforms = asked.length === 0 && to.kind === "docker-archive" ? [hostPlatform()] : asked;
    const compression = await compressionOf(context, options);
    await context.prepareBars();
    const reader = await copySource(context, from, { options, platforms, compression });
    const writer = await copyDestination(context, to, { options, concurrency });
    if (isAllTags) {
      return await copyTags(context, source, reader, writer, platforms.length === 0);
    }
    const image = await orNameOfStore(context, from, () => reader.open());
    const copied = await writer.send(image);
    if (to.kind === "registry" && options["compression"] === undefined) {
      warnOfUncompressed(context, image, copied);
    }
    return pushReport(copied);
  },
};

/** Warns about layers that were sent uncompressed, as those of a docker-archive are. */
function warnOfUncompressed(
  context: Context,
  { plan, repository }: CopiedImage,
  { blobs }: PushedImage,
): void {
  const isPlain = (mediaType: string) => {
    const info = mediaTypeInfo(mediaType);
    return info?.role === "layer" && info.compression === "none";
  };
  const plain = new Set(
    plan.blobs.filter(({ mediaType }) => isPlain(mediaType)).map(({ digest }) => digest),
  );
  const sent = blobs.filter(({ digest, outcome }) => outcome === "uploaded" && plain.has(digest));
  if (repository !== undefined || sent.length === 0) return;
  context.warn(sentUncompressed(sent));
}
