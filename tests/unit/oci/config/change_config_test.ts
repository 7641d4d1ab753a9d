import { assertEquals, assertThrows } from "@std/assert";
import { VarveError } from "../../../../lib/errors.ts";
import {
  changeConfig,
  type ContainerConfig,
  editConfig,
  encodeConfig,
  expandWord,
  parseImageConfig,
  splitWords,
} from "../../../../lib/oci/mod.ts";

const IMAGE: ContainerConfig = {
  env: ["PATH=/bin", "A=1"],
  cmd: ["sh"],
  entrypoint: ["/init"],
  workingDir: "/srv",
  exposedPorts: ["80/tcp"],
  labels: { a: "b" },
};

/** Instructions, and the fields that they change. */
const CASES: readonly [name: string, instructions: string[], fields: Record<string, unknown>][] = [
  ["a command as a list", ['CMD ["a", "b c"]'], { Cmd: ["a", "b c"], Entrypoint: ["/init"] }],
  ["a command for the shell", ["CMD echo $A | cat"], {
    Cmd: ["/bin/sh", "-c", "echo $A | cat"],
    Entrypoint: ["/init"],
  }],
  ["a list that is none is for the shell", ["CMD ['a']"], {
    Cmd: ["/bin/sh", "-c", "['a']"],
    Entrypoint: ["/init"],
  }],
  ["an entrypoint drops the image's command", ['ENTRYPOINT ["x"]'], {
    Cmd: null,
    Entrypoint: ["x"],
  }],
  ["but not one given before it", ['CMD ["c"]', 'ENTRYPOINT ["x"]'], {
    Cmd: ["c"],
    Entrypoint: ["x"],
  }],
  ["nor one given behind it", ['ENTRYPOINT ["x"]', 'CMD ["c"]'], { Cmd: ["c"], Entrypoint: ["x"] }],
  ["an empty entrypoint keeps the command", ["ENTRYPOINT []"], { Cmd: ["sh"], Entrypoint: [] }],
  ["an environment", ["ENV B=2 C=\"x y\" A='$B'"], {
    Env: ["PATH=/bin", "A=$B", "B=2", "C=x y"],
  }],
  ["the old form of an environment", ["ENV B x  y"], { Env: ["PATH=/bin", "A=1", "B=x  y"] }],
  ["variables are those before the instruction", ["ENV A=2 B=$A", "ENV C=${A}${D:-d}${A:+e}"], {
    Env: ["PATH=/bin", "A=2", "B=1", "C=2de"],
  }],
  ["ports", ["EXPOSE 443 53/UDP 9000-9001", "expose $A"], {
    ExposedPorts: {
      "1/tcp": {},
      "443/tcp": {},
      "53/udp": {},
      "80/tcp": {},
      "9000/tcp": {},
      "9001/tcp": {},
    },
  }],
  ["labels", ['LABEL x.y="1 2" z=\\"q', "LABEL a c"], {
    Labels: { a: "c", "x.y": "1 2", z: '"q' },
  }],
  ["a user", ["USER ${A}:0"], { User: "1:0" }],
  ["volumes", ['VOLUME ["/a b"]', "VOLUME /c /d"], { Volumes: { "/a b": {}, "/c": {}, "/d": {} } }],
  ["working directories", ["WORKDIR sub/../x", "WORKDIR y/"], { WorkingDir: "/srv/x/y" }],
  ["a signal", ["STOPSIGNAL SIGINT"], { StopSignal: "SIGINT" }],
  ["a trigger", ["ONBUILD RUN a  b"], { OnBuild: ["RUN a  b"] }],
  ["a line that goes on", ["ENV B=1 \\\n  C=2"], { Env: ["PATH=/bin", "A=1", "B=1", "C=2"] }],
];

for (const [name, instructions, fields] of CASES) {
  Deno.test(`a change can be: ${name}`, () => {
    assertEquals(changeConfig(IMAGE, instructions), fields);
  });
}

for (
  const instruction of [
    "",
    "RUN x",
    "FROM a",
    "ENV",
    "ENV A",
    "ENV A=1 B",
    "ENV =x",
    "ENV A='x",
    "ENV A=${",
    "ENV A=${B:?x}",
    "EXPOSE",
    "EXPOSE x",
    "EXPOSE 70000",
    "EXPOSE 9-8",
    "LABEL",
    "USER",
    "USER a b",
    "VOLUME",
    'VOLUME [""]',
    "WORKDIR",
    "ONBUILD FROM x",
    "CMD a\nUSER b",
  ]
) {
  Deno.test(`a change cannot be ${JSON.stringify(instruction)}`, () => {
    const error = assertThrows(() => changeConfig(IMAGE, [instruction]), VarveError);
    assertEquals(error.code, "E_USAGE");
  });
}

Deno.test("changed fields go through editConfig into a config and are read back", () => {
  const config = parseImageConfig(encodeConfig({
    platform: { os: "linux", architecture: "amd64" },
    container: { Cmd: ["sh"], Shell: ["/bin/bash", "-c"], Labels: { b: "1" } },
    diffIds: [],
    history: [],
  }));
  const container = changeConfig(config.config, ["CMD x", "LABEL a=2"], config.document);
  const edited = editConfig(config, { container });
  assertEquals(edited.config.cmd, ["/bin/bash", "-c", "x"]);
  assertEquals(edited.config.labels, Object.assign(Object.create(null), { a: "2", b: "1" }));
  assertEquals(changeConfig(config.config, []), {});
});

Deno.test("words are split outside quotes and keep their quotes", () => {
  assertEquals(splitWords(` a 'b c'  d\\ e "f \\" g"h `), ["a", "'b c'", "d\\ e", '"f \\" g"h']);
});

Deno.test("expanding a word removes its quotes and replaces its variables", () => {
  const lookup = (name: string) => ({ A: "1", E: "" })[name];
  for (
    const [word, expanded] of [
      ["$A-${A}x$B", "1-1x"],
      ["'$A'\"$A\"", "$A1"],
      ["\\$A\\\\", "$A\\"],
      ['"\\n\\$A"', "\\n$A"],
      ["${E:-x}${E-x}${B-y}${A:+z}${E+w}${E:+v}", "xyzw"],
      ["${B:-${A}'}'}", "1}"],
      ["a$", "a$"],
    ] as const
  ) {
    assertEquals(expandWord(word, lookup), expanded, word);
  }
});
