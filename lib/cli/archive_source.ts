/** Reads a source as the user types it: a path, `-`, or a path after a transport of skopeo (`oci:DIR`). */
import type { LoadArchiveOptions } from "../archive/mod.ts";
import { VarveError } from "../errors.ts";
import { commandLine } from "./mistakes/shell_words.ts";

/** An archive to load. */
export interface ArchiveSource extends Pick<LoadArchiveOptions, "image" | "form"> {
  /** Path of the archive, or `-`. */
  readonly path: string;
}

/** The transports of skopeo that name an archive, and how the archive is read. */
const ARCHIVES: Readonly<Record<string, "oci" | "docker">> = {
  "oci": "oci",
  "oci-archive": "oci",
  "docker-archive": "docker",
};

/** A transport that names no archive: why it is refused, and a command to use instead. */
type Elsewhere = readonly [reason: string, instead: (rest: string) => string];

const URL_REASON = "it is a URL, and only paths are read";

const ELSEWHERE: Readonly<Record<string, Elsewhere>> = {
  "docker://": ["it is in a registry", (rest) => commandLine(["varve", "pull", rest])],
  "docker-daemon:": [
    "it is in the store of Docker",
    (rest) => `${commandLine(["docker", "save", rest])} | varve load -`,
  ],
  "containers-storage:": [
    "it is in the store of podman",
    (rest) => `${commandLine(["podman", "save", rest])} | varve load -`,
  ],
  "dir:": [
    "a directory of this form is not read",
    (rest) => commandLine(["skopeo", "copy", `dir:${rest}`, "oci-archive:app.tar"]),
  ],
  "http://": [
    URL_REASON,
    (rest) => `${commandLine(["curl", "-fL", `http://${rest}`])} | varve load -`,
  ],
  "https://": [
    URL_REASON,
    (rest) => `${commandLine(["curl", "-fL", `https://${rest}`])} | varve load -`,
  ],
};

/**
 * Parses the argument SOURCE of `load`. As with skopeo, the name of one image in the archive may follow the path after a
 * colon: `oci-archive:app.tar:1.0`. A file whose name begins with a transport is written `./oci:x`.
 *
 * @throws {VarveError} `E_USAGE` for a transport that names no archive
 */
export function parseArchiveSource(text: string): ArchiveSource {
  refuseElsewhere(text, "load");
  const named = archiveName(text);
  if (named === undefined) return { path: text };
  if (named.path !== "") return named;
  throw new VarveError("E_USAGE", `Cannot load ${text}: it names no path`, {
    subject: text,
    hint: `write ${text}PATH`,
  });
}

/**
 * Refuses a source with a transport (`oci:DIR`), for a verb that reads a tar of files or a directory.
 *
 * @throws {VarveError} `E_USAGE`
 */
export function refuseTransport(text: string, verb: string): void {
  refuseElsewhere(text, verb);
  if (archiveName(text) === undefined) return;
  throw new VarveError("E_USAGE", `Cannot ${verb} ${text}: it is the name of an image archive`, {
    subject: text,
    hint: commandLine(["varve", "load", text]),
  });
}

/** Splits a text such as `oci:DIR:NAME`; `undefined` when it does not begin with a transport of an archive. */
export function archiveName(text: string): ArchiveSource | undefined {
  const [transport = "", path = "", ...image] = text.split(":");
  if (!text.includes(":") || !Object.hasOwn(ARCHIVES, transport)) return undefined;
  return { path, image: image.join(":") || undefined, form: ARCHIVES[transport] };
}

/** Refuses a name of an image that only other programs read, or that is in a registry. @throws {VarveError} `E_USAGE` */
export function refuseElsewhere(text: string, verb: string): void {
  for (const [transport, [reason, instead]] of Object.entries(ELSEWHERE)) {
    if (!text.startsWith(transport)) continue;
    throw new VarveError("E_USAGE", `Cannot ${verb} ${text}: ${reason}`, {
      subject: text,
      hint: instead(text.slice(transport.length)),
    });
  }
}
