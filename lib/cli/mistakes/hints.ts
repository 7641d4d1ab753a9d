/**
 * Next steps for errors of the library, in the words of the command line. The library knows no verbs and no options, so
 * its hints cannot name them.
 */
import type { VarveError } from "../../errors.ts";
import { tryParseReference } from "../../oci/mod.ts";
import { archiveName } from "../archive_source.ts";
import { isSource, sourceEnd } from "../sources/is_source.ts";
import { inCommandWords } from "./command_words.ts";
import { commandLine } from "./shell_words.ts";

/** A command that failed. */
export interface FailedCommand {
  /** Name of the verb, without that of its group. */
  readonly verb: string;
  /** The arguments of the verb, without options. */
  readonly args: readonly string[];
}

type Rule = (error: VarveError, command: FailedCommand) => string | undefined;

/** Programs that decompress what varve does not read. */
const DECOMPRESS: Readonly<Record<string, readonly string[]>> = {
  "xz": ["xz", "-dc"],
  "lzma": ["xz", "-dc"],
  "bzip2": ["bzip2", "-dc"],
  "lz4": ["lz4", "-dc"],
  "lzop": ["lzop", "-dc"],
  "lzip": ["lzip", "-dc"],
  "compress (.Z)": ["gzip", "-dc"],
  "zip": ["unzip", "-p"],
  "7z": ["7z", "x", "-so"],
};

/** Verbs that read a file. If the user gives the name of an image instead, no such file is found. */
const READ_FILES = ["load", "import", "append"];

/** Verbs that read an image from where it is, too: an archive, an OCI layout, a registry. */
const READ_SOURCES = "explore inspect history layers ls cat stat find grep du tree diff copy".split(
  " ",
);

/** Verbs that read images of the store only. */
const OF_STORE = "run mount unpack export save squash append mutate rebase tag verify".split(" ");

/** A path, or a name with the ending of an archive: not the name of an image. */
const FILE = /^[./~]|\.(?:tar|tgz|tzst|txz|gz|zst|xz|bz2|zip|oci)$|^oci-layout$/;

/** A repository of a registry with a port, not the path of an image with a tag: `crane ls` lists its tags. */
const REPOSITORY = /^(?:(?:localhost|[^/:]+\.[^/:]+):[0-9]+|[^/:]+:[0-9]{4,5})\/[^:]+$/;

const RULES: readonly Rule[] = [
  otherCompression,
  missingFile,
  inRegistry,
  transport,
  fileAsImage,
  noImageArchive,
  otherPlatform,
  missingImage,
  missingPath,
  limit,
  noMount,
  byMessage,
  bySystemCall,
];

/** The hint for an error: from the first rule that has one, else the library's hint in words of the command line. */
export function hintOf(error: VarveError, command: FailedCommand | undefined): string | undefined {
  for (const rule of command === undefined ? [] : RULES) {
    const hint = rule(error, command as FailedCommand);
    if (hint !== undefined) return hint;
  }
  const { hint } = error.details;
  return hint === undefined ? undefined : inCommandWords(hint);
}

/** A file that another program can decompress: `xz -dc n.tar.xz | varve load -`. */
function otherCompression(
  { code, details: { actual, subject } }: VarveError,
  { verb, args }: FailedCommand,
): string | undefined {
  const program = code === "E_COMPRESSION" ? DECOMPRESS[String(actual)] : undefined;
  if (program === undefined || subject === undefined || !READ_FILES.includes(verb)) {
    return undefined;
  }
  if (subject === "standard input" || !args.some((arg) => arg.includes(subject))) return undefined;
  const others = args.map((arg) => arg.includes(subject) ? "-" : arg);
  return `${commandLine([...program, subject])} | ${commandLine(["varve", verb, ...others])}`;
}

function missingFile(
  { code, message, details: { subject } }: VarveError,
  { verb, args }: FailedCommand,
): string | undefined {
  const isMissing = code === "E_NOT_FOUND" && message.endsWith("there is no such file");
  const isRead = READ_FILES.includes(verb) || args.some(isSource);
  if (!isMissing || subject === undefined || !isRead) return undefined;
  if (
    READ_FILES.includes(verb) && !FILE.test(subject) && tryParseReference(subject) !== undefined
  ) {
    return `to get an image from a registry: ${commandLine(["varve", "pull", subject])}`;
  }
  return subject.startsWith("/") ? "check the path" : `check the path: it starts at ${Deno.cwd()}`;
}

/** `docker://REF` where an image of the store is wanted. */
function inRegistry({ message }: VarveError, { verb, args }: FailedCommand): string | undefined {
  if (!message.endsWith("it begins with a scheme") || !OF_STORE.includes(verb)) return undefined;
  const name = args.find((arg) => arg.startsWith("docker://"))?.slice("docker://".length);
  return name && `${commandLine(["varve", "pull", name])}, then write it without docker://`;
}

/** An archive where an image of the store or of a registry is wanted. */
function transport({ code }: VarveError, { verb, args }: FailedCommand): string | undefined {
  if (code !== "E_USAGE" && code !== "E_NOT_FOUND") return undefined;
  const at = args.findIndex((arg) => archiveName(arg) !== undefined);
  const text = args[at];
  if (text === undefined || [...READ_FILES, ...READ_SOURCES].includes(verb)) return undefined;
  const archive = archiveName(text);
  const isOutput = ["push", "save"].includes(verb) && at > 0;
  if (!isOutput) return commandLine(["varve", "load", text]);
  const option = text.startsWith("oci:") ? "--oci-dir" : "-o";
  return commandLine(["varve", "save", args[0] as string, option, archive?.path ?? ""]);
}

function missingImage(
  { message, details: { subject } }: VarveError,
  { verb }: FailedCommand,
): string | undefined {
  if (!message.startsWith("Cannot find image ") || subject === undefined) return undefined;
  if (message.endsWith(": it is a snapshot")) {
    const stat = commandLine(["varve", "snapshot", "stat", subject]);
    return `'${stat}' shows it, '${
      commandLine(["varve", "commit", subject, "REF"])
    }' makes an image`;
  }
  const list = "'varve images' lists them";
  if (verb === "ls" && REPOSITORY.test(subject)) {
    return `${list}; ${commandLine(["varve", "tags", subject])} lists the tags of a repository`;
  }
  const [, image, path] = /^([^/]+:[^/]+)\/(.*)$/.exec(subject) ?? [];
  if (image !== undefined && ["ls", "cat", "stat", "tree"].includes(verb)) {
    return `${list}; a path is written ${image}:/${path}`;
  }
  if (
    /^(?:sha(?:256|512):)?[0-9a-f]{4,}$/.test(subject) || tryParseReference(subject) === undefined
  ) {
    return list;
  }
  return `${list}, ${commandLine(["varve", "pull", subject])} gets it from its registry`;
}

/** A file where `pull` wants the name of an image: `varve pull app.tar`. */
function fileAsImage({ code }: VarveError, { verb, args }: FailedCommand): string | undefined {
  const [file = ""] = args;
  const isFile = code === "E_USAGE" && verb === "pull" && FILE.test(file);
  return isFile ? `to load a file: ${commandLine(["varve", "load", file])}` : undefined;
}

/** A tar of a root filesystem where `load` wants an image: `varve load root.tar`. */
function noImageArchive(
  { code, message, details: { subject } }: VarveError,
  { verb }: FailedCommand,
): string | undefined {
  const isOther = code === "E_FORMAT" && verb === "load" &&
    message.includes("holds neither an OCI");
  if (!isOther || subject === undefined || subject === "standard input") return undefined;
  return `to make an image of files: ${commandLine(["varve", "import", subject, "NAME"])}`;
}

function otherPlatform({ code, details }: VarveError): string | undefined {
  const { actual, hint } = details;
  if (code !== "E_PLATFORM" || actual === undefined || hint !== undefined) return undefined;
  return `leave --platform out, or give --platform ${actual}`;
}

function missingPath({ message }: VarveError, { args }: FailedCommand): string | undefined {
  if (!/: (?:there is no such path|the image has no such file)$/.test(message)) return undefined;
  const [text = ""] = args;
  const end = sourceEnd(text);
  const image = end < 0 ? text : text.slice(0, end);
  return `'${commandLine(["varve", "tree", image])}' shows all paths`;
}

function limit({ details: { setting } }: VarveError): string | undefined {
  if (setting === undefined) return undefined;
  return `if you trust the source: varve config set ${setting} N`;
}

/** A directory that is not there has nothing mounted: to make it would not help. */
function noMount({ message }: VarveError, { verb }: FailedCommand): string | undefined {
  const isMissing = verb === "umount" && message.endsWith("there is no such directory");
  return isMissing ? "'varve mount' lists what is mounted" : undefined;
}

/** Next steps for errors whose message alone shows what to do. */
const BY_MESSAGE: readonly (readonly [RegExp, string])[] = [
  [/there is no such snapshot$/, "'varve snapshot ls' lists them"],
  [/nothing of this store is mounted there$/, "'varve mount' lists what is mounted"],
  [/there is no such directory$/, "make it first with mkdir -p"],
  [/^Cannot save to .*: it is a directory$/, "give a file, or a directory with --oci-dir"],
  [/^Cannot use volume .*: it does not exist$/, "make it first with mkdir -p"],
  [/^Cannot run as .*: the image has no user /, "give a number, or a name of its /etc/passwd"],
  [/^Cannot run .*: it is not executable$/, "give a program of the image, or make it executable"],
  [/^Cannot start in .*: the path is not absolute$/, "begin the path with /"],
  [/^Cannot set .*: it has no name$/, "write NAME=VALUE"],
  [/^Cannot read credentials from /, "repair or remove the file, then log in again: varve login"],
  [/^Cannot read certificates from /, "check the variable SSL_CERT_FILE"],
  [/the proxy's address are malformed$/, "check HTTPS_PROXY, SSL_CERT_FILE and the hosts.toml"],
  [/: it is not a directory$/, "give the path of a directory"],
  [/: it is not os\/architecture\[\/variant\]$/, "such as linux/arm64"],
  [/is not known to the DNS$/, "check the name of the registry, and the network"],
  [
    /^Cannot delete the manifest of [^@]* answers (?:400|405)\b/,
    "if the registry deletes only by digest: varve delete REPOSITORY@DIGEST; 'varve digest' prints the digest",
  ],
  [
    /cannot read manifest\.json: it is not a list of images$/,
    "if skopeo or podman made the directory as dir:, skopeo copy dir:DIR oci-archive:FILE makes an archive",
  ],
  [
    /the archive gives this name to two images/,
    "load one of them: varve load oci:DIR:TAG --name NAME, or oci-archive:FILE:TAG",
  ],
  [/it does not speak TLS$/, "if it speaks plain http, give --plain-http"],
  [/the connection was refused$/, "check that the registry runs, and its port"],
];

function byMessage({ message, details }: VarveError): string | undefined {
  if (details.hint !== undefined) return undefined;
  return BY_MESSAGE.find(([pattern]) => pattern.test(message))?.[1];
}

const BY_ERRNO: Readonly<Record<string, string>> = {
  ENOSPC: "free some space, or give another store with --root",
  EDQUOT: "free some space, or give another store with --root",
  ENOLCK: "give a store on a local disk with --root, or start the lock daemon of NFS (rpc.statd)",
  EMFILE: "allow more open files: ulimit -n 65536",
  EROFS: "give another store with --root",
};

function bySystemCall({ details: { errno, hint } }: VarveError): string | undefined {
  return hint === undefined && errno !== undefined ? BY_ERRNO[errno] : undefined;
}
