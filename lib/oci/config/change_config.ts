import { VarveError } from "../../errors.ts";
import type { ContainerConfig, ImageConfig } from "./config.ts";
import type { ContainerChange } from "./container_change.ts";
import type { JsonObject } from "../json/strict_json.ts";
import { expandWord, splitWords } from "./shell_words.ts";

/** The Dockerfile instructions that {@linkcode changeConfig} accepts. */
export const CHANGES: readonly string[] = [
  "CMD",
  "ENTRYPOINT",
  "ENV",
  "EXPOSE",
  "LABEL",
  "ONBUILD",
  "STOPSIGNAL",
  "USER",
  "VOLUME",
  "WORKDIR",
];

/**
 * Applies Dockerfile instructions to the container part of a config, as `docker commit --change` does.
 *
 * An `ENTRYPOINT` drops the image's `CMD`, unless a `CMD` instruction precedes it. Variables take
 * their values from the environment of the image and of the preceding instructions.
 *
 * @param document the whole config document; its fields `OnBuild` and `Shell` are used
 * @returns the fields that change, for {@linkcode editConfig}
 * @throws {VarveError} `E_USAGE` for an instruction that is not in {@linkcode CHANGES} or is malformed
 *
 * @example
 * ```ts
 * import { changeConfig } from "@varve/varve/oci";
 *
 * const changed = changeConfig({}, ["ENV PORT=80", "EXPOSE $PORT", 'CMD ["serve"]']);
 * if (changed.exposedPorts?.join() !== "80/tcp") throw new Error("not exposed");
 * ```
 */
export function changeConfig(
  config: ContainerConfig,
  instructions: readonly string[],
  document: ImageConfig["document"] = {},
): ContainerChange {
  const change = new Change(config, document);
  for (const instruction of instructions) change.apply(instruction);
  return change.finish();
}

type Words = readonly string[];

type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

class Change {
  readonly #before: ContainerConfig;
  readonly #shell: Words;
  readonly #fields: Writable<ContainerChange> = {};
  #cmd: Words | null;
  #cmdSet = false;
  #entrypoint: Words | null;
  #env: string[];
  readonly #ports: Set<string>;
  readonly #volumes: Set<string>;
  readonly #labels: Map<string, string>;
  #workingDir: string;
  readonly #onBuild: string[];

  constructor(config: ContainerConfig, document: JsonObject) {
    const raw = (document.config ?? {}) as JsonObject;
    this.#before = config;
    this.#cmd = config.cmd ?? null;
    this.#entrypoint = config.entrypoint ?? null;
    this.#env = [...config.env ?? []];
    this.#ports = new Set(config.exposedPorts);
    this.#volumes = new Set(config.volumes);
    this.#labels = new Map(Object.entries(config.labels ?? {}));
    this.#workingDir = config.workingDir ?? "";
    this.#onBuild = strings(raw.OnBuild);
    const shell = strings(raw.Shell);
    this.#shell = shell.length > 0 ? shell : ["/bin/sh", "-c"];
  }

  apply(instruction: string): void {
    // A backslash at the end of a line joins it with the next line.
    const text = instruction.replace(/\\[ \t]*\r?\n/g, "").trim();
    const [name = ""] = /^\S*/.exec(text) ?? [];
    const rest = text.slice(name.length).trim();
    const act = this.#actions[name.toUpperCase()];
    if (act === undefined) {
      throw malformed(instruction, `it is not one of ${CHANGES.join(", ")}`);
    }
    if (/[\r\n]/.test(rest)) throw malformed(instruction, "it is more than one line");
    try {
      act(rest);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      throw malformed(instruction, error.message);
    }
  }

  /**
   * Returns the fields that change. If the changes leave the entrypoint missing or empty, two rules
   * of Docker apply: the image's command replaces a command that is missing or empty, and the
   * image's entrypoint replaces an entrypoint that is missing, but not an empty list.
   */
  finish(): ContainerChange {
    const fields = this.#fields;
    if ("cmd" in fields || "entrypoint" in fields) {
      if ((this.#entrypoint ?? []).length === 0) {
        if ((this.#cmd ?? []).length === 0) this.#cmd = this.#before.cmd ?? null;
        this.#entrypoint ??= this.#before.entrypoint ?? null;
      }
      fields.cmd = this.#cmd;
      fields.entrypoint = this.#entrypoint;
    }
    return fields;
  }

  readonly #actions: Readonly<Record<string, (rest: string) => void>> = {
    CMD: (rest) => {
      this.#cmd = this.#command(rest) ?? [];
      this.#cmdSet = true;
      this.#fields.cmd = this.#cmd;
    },
    ENTRYPOINT: (rest) => {
      this.#entrypoint = this.#command(rest);
      if (!this.#cmdSet) this.#cmd = null;
      this.#fields.entrypoint = this.#entrypoint;
    },
    ENV: (rest) => {
      // All pairs of one instruction see the environment as it was before the instruction.
      const pairs = this.#pairs(rest, "ENV");
      for (const [name, value] of pairs) {
        const at = this.#env.findIndex((one) => one.split("=", 1)[0] === name);
        if (at < 0) this.#env.push(`${name}=${value}`);
        else this.#env[at] = `${name}=${value}`;
      }
      this.#fields.env = [...this.#env];
    },
    EXPOSE: (rest) => {
      for (const port of this.#some(rest).flatMap((word) => ports(this.#expand(word)))) {
        this.#ports.add(port);
      }
      this.#fields.exposedPorts = [...this.#ports].sort();
    },
    LABEL: (rest) => {
      for (const [name, value] of this.#pairs(rest, "LABEL")) this.#labels.set(name, value);
      const labels = [...this.#labels].sort(([a], [b]) => a < b ? -1 : 1);
      this.#fields.labels = Object.fromEntries(labels);
    },
    ONBUILD: (rest) => {
      const [trigger = ""] = splitWords(rest);
      if (["", "ONBUILD", "FROM", "MAINTAINER"].includes(trigger.toUpperCase())) {
        throw new Malformed("it takes an instruction other than ONBUILD, FROM and MAINTAINER");
      }
      this.#onBuild.push(rest);
      this.#fields.onBuild = [...this.#onBuild];
    },
    STOPSIGNAL: (rest) => {
      this.#fields.stopSignal = this.#one(rest);
    },
    USER: (rest) => {
      this.#fields.user = this.#one(rest);
    },
    VOLUME: (rest) => {
      const paths = (jsonWords(rest) ?? this.#some(rest)).map((word) => this.#expand(word).trim());
      if (paths.length === 0 || paths.includes("")) throw new Malformed("it takes a path");
      for (const path of paths) this.#volumes.add(path);
      this.#fields.volumes = [...this.#volumes].sort();
    },
    WORKDIR: (rest) => {
      if (rest === "") throw new Malformed("it takes a path");
      const path = this.#expand(rest);
      this.#workingDir = cleanPath(path.startsWith("/") ? path : `${this.#workingDir}/${path}`);
      this.#fields.workingDir = this.#workingDir;
    },
  };

  #expand(word: string): string {
    return expandWord(
      word,
      (name) => this.#env.find((one) => one.split("=", 1)[0] === name)?.slice(name.length + 1),
    );
  }

  /** The words of a command: a JSON list, or a line for the shell. `null` when `rest` is empty. */
  #command(rest: string): Words | null {
    const list = jsonWords(rest);
    if (list !== null) return list;
    return rest === "" ? null : [...this.#shell, rest];
  }

  #some(rest: string): string[] {
    const words = splitWords(rest);
    if (words.length === 0) throw new Malformed("it takes at least one argument");
    return words;
  }

  #one(rest: string): string {
    const words = splitWords(rest);
    if (words.length !== 1) throw new Malformed("it takes exactly one argument");
    return this.#expand(words[0] as string);
  }

  /** Reads `NAME=value …`, or the old form `NAME value`, whose value is the rest of the line. */
  #pairs(rest: string, name: "ENV" | "LABEL"): [string, string][] {
    const words = this.#some(rest);
    const [first = ""] = words;
    if (!first.includes("=")) {
      const value = rest.slice(first.length).trim();
      if (value === "") throw new Malformed(`${name} takes NAME=value`);
      return [[this.#expand(first), this.#expand(value)]];
    }
    return words.map((word) => {
      const at = word.indexOf("=");
      if (at < 0) throw new Malformed(`${JSON.stringify(word)} is not NAME=value`);
      const key = this.#expand(word.slice(0, at));
      if (key === "") throw new Malformed("a name is empty");
      return [key, this.#expand(word.slice(at + 1))];
    });
  }
}

/**
 * Says what is wrong with an instruction. {@linkcode Change.apply} adds the instruction to the
 * message.
 */
class Malformed extends Error {}

function malformed(instruction: string, why: string): VarveError {
  const shown = JSON.stringify(instruction.slice(0, 120));
  return new VarveError("E_USAGE", `Cannot use change ${shown}: ${why}`, { subject: shown });
}

/** The words of a JSON list of strings; `null` when the text is anything else. */
function jsonWords(text: string): string[] | null {
  if (!text.startsWith("[")) return null;
  try {
    const value: unknown = JSON.parse(text);
    const isList = Array.isArray(value) && value.every((one) => typeof one === "string");
    return isList ? value : null;
  } catch {
    return null;
  }
}

/**
 * The ports of `80`, `80/udp` or `8000-8010/tcp`, in the form of the document: one `port/protocol`
 * for each port.
 */
function ports(word: string): string[] {
  const match = /^([0-9]{1,5})(?:-([0-9]{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(word);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first > last || last > 65535) {
    throw new Malformed(`${JSON.stringify(word)} is not a port`);
  }
  const protocol = (match[3] ?? "tcp").toLowerCase();
  return Array.from({ length: last - first + 1 }, (_, i) => `${first + i}/${protocol}`);
}

function cleanPath(path: string): string {
  const out: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") out.pop();
    else if (part !== "" && part !== ".") out.push(part);
  }
  return `/${out.join("/")}`;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}
