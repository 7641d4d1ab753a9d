/** Reads where an image is copied from or to, as the user types it. */
import { VarveError } from "../../errors.ts";
import { formatReference, parseReference, type Reference } from "../../oci/mod.ts";
import { archiveName, refuseElsewhere } from "../archive_source.ts";
import { remoteReference } from "../registry.ts";
import { sourceKind } from "../sources/is_source.ts";

/** A place of images. */
export type Place =
  | {
    readonly kind: "registry";
    readonly text: string;
    readonly reference: Reference;
    /** Whether the text names a tag or a digest. */
    readonly isExact: boolean;
  }
  | { readonly kind: "store"; readonly text: string; readonly name: string }
  | {
    readonly kind: "oci" | "oci-archive" | "docker-archive";
    readonly text: string;
    readonly path: string;
    /** The name of the image there. */
    readonly name: string | undefined;
  };

const REGISTRY = "docker://";
const STORE = "store:";
/** What is a path, and no name of an image. */
const PATH = /^[./~]|\.(?:tar|tgz|tzst|tar\.gz|tar\.zst)$/;

/**
 * Reads a place: `docker://REF` or a plain reference, `store:REF`, or an archive as skopeo names it.
 *
 * @param verb what is done, for messages: `copy to`
 * @param from the place that the image comes from, if this is the other one
 * @throws {VarveError} `E_USAGE`
 */
export function parsePlace(text: string, verb: string, from?: Place): Place {
  if (text.startsWith(STORE)) return { kind: "store", text, name: text.slice(STORE.length) };
  const archive = archiveName(text);
  if (archive !== undefined) {
    const kind = sourceKind(text) as "oci" | "oci-archive" | "docker-archive";
    if (archive.path !== "") return { kind, text, path: archive.path, name: archive.image };
    throw new VarveError("E_USAGE", `Cannot ${verb} ${text}: it names no path`, {
      subject: text,
      hint: `write ${text}PATH`,
    });
  }
  const name = text.startsWith(REGISTRY) ? text.slice(REGISTRY.length) : text;
  if (name === text) {
    refuseElsewhere(text, verb);
    if (PATH.test(text)) {
      throw new VarveError("E_USAGE", `Cannot ${verb} ${text}: it is a path`, {
        subject: text,
        hint: `write oci-archive:${text}, docker-archive:${text} or oci:${text}`,
      });
    }
  }
  const sent = from?.kind === "registry" ? from.reference : undefined;
  const reference = remoteReference(name, verb, sent);
  const { digest, tag } = reference;
  const isExact = digest !== undefined || name.endsWith(`:${tag}`);
  return { kind: "registry", text, reference, isExact };
}

/**
 * Reads a place to copy to: it can be written to, and names no digest.
 *
 * @throws {VarveError} `E_USAGE`
 */
export function parseDestination(text: string, from: Place): Place {
  const place = parsePlace(text, "copy to", from);
  const reference = place.kind === "registry"
    ? place.reference
    : place.kind === "store" || place.kind === "docker-archive" && place.name !== undefined
    ? parseReference(place.name as string)
    : undefined;
  if (reference?.digest === undefined) return place;
  throw new VarveError("E_USAGE", `Cannot copy to ${text}: give a tag, not a digest`);
}

/** The full name in a place of the store or of an archive. */
export function fullName(name: string): string {
  return formatReference(parseReference(name));
}
