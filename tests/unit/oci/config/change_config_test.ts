import { assertEquals, assertThrows } from "@std/assert";
import { VarveError } from "../../../../lib/errors.ts";
import {
  changeConfig,
  type ContainerChange,
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
const CASES: readonly [name: string, instructions: string[], fields: ContainerChange][] = [
  ["a command as a list", ['CMD ["a", "b c"]'], { cmd: ["a", "b c"], entrypoint: ["/init"] }],
  ["a command for the shell", ["CMD echo $A | cat"], {
    cmd: ["/bin/sh", "-c", "echo $A | cat"],
    entrypoint: ["/init"],
  }],
  ["a list that is none is for the shell", ["CMD ['a']"], {
    cmd: ["/bin/sh", "-c", "['a']"],
    entrypoint: ["/init"],
  }],
  ["an entrypoint drops the image's command", ['ENTRYPOINT ["x"]'], {
    cmd: null,
    entrypoint: ["x"],
  }],
  ["but not one given before it", ['CMD ["c"]', 'ENTRYPOINT ["x"]'], {
    cmd: ["c"],
    entrypoint: ["x"],
  }],
  ["nor one given behind it", ['ENTRYPOINT ["x"]', 'CMD ["c"]'], { cmd: ["c"], entrypoint: ["x"] }],
  ["an empty entrypoint keeps the command", ["ENTRYPOINT []"], { cmd: ["sh"], entrypoint: [] }],
  ["an environment", ["ENV B=2 C=\"x y\" A='$B'"], {
    env: ["PATH=/bin", "A=$B", "B=2", "C=x y"],
  }],
  ["the old form of an environment", ["ENV B x  y"], { env: ["PATH=/bin", "A=1", "B=x  y"] }],
  ["variables are those before the instruction", ["ENV A=2 B=$A", "ENV C=${A}${D:-d}${A:+e}"], {
    env: ["PATH=/bin", "A=2", "B=1", "C=2de"],
  }],
  ["ports", ["EXPOSE 443 53/UDP 9000-9001", "expose $A"], {
    exposedPorts: [
      "1/tcp",
      "443/tcp",
      "53/udp",
      "80/tcp",
      "9000/tcp",
      "9001/tcp",
    ],
  }],
  ["labels", ['LABEL x.y="1 2" z=\\"q', "LABEL a c"], {
    labels: { a: "c", "x.y": "1 2", z: '"q' },
  }],
  ["a user", ["USER ${A}:0"], { user: "1:0" }],
  ["volumes", ['VOLUME ["/a b"]', "VOLUME /c /d"], { volumes: ["/a b", "/c", "/d"] }],
  ["working directories", ["WORKDIR sub/../x", "WORKDIR y/"], { workingDir: "/srv/x/y" }],
  ["a signal", ["STOPSIGNAL SIGINT"], { stopSignal: "SIGINT" }],
  ["a trigger", ["ONBUILD RUN a  b"], { onBuild: ["RUN a  b"] }],
  ["a line that goes on", ["ENV B=1 \\\n  C=2"], { env: ["PATH=/bin", "A=1", "B=1", "C=2"] }],
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
    config: { cmd: ["sh"], shell: ["/bin/bash", "-c"], labels: { b: "1" } },
    diffIds: [],
    history: [],
  }));
  const change = changeConfig(config.config, ["CMD x", "LABEL a=2"], config.document);
  const edited = editConfig(config, { config: change });
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

Deno.test("a config is written with the spelling with which it is read", () => {
  const config: ContainerConfig = {
    user: "app",
    exposedPorts: ["443/tcp", "80/tcp"],
    env: ["A=1"],
    entrypoint: ["/init"],
    cmd: ["sh"],
    volumes: ["/a", "/b"],
    workingDir: "/srv",
    labels: Object.assign(Object.create(null), { a: "b" }),
    stopSignal: "SIGINT",
  };
  const platform = { os: "linux", architecture: "amd64" };
  const read = parseImageConfig(encodeConfig({ platform, config, diffIds: [], history: [] }));
  assertEquals(read.config, config);
  const again = editConfig(read, { config: read.config });
  assertEquals([again.config, again.raw], [read.config, read.raw]);
  const none = Object.fromEntries(Object.keys(config).map((name) => [name, null]));
  assertEquals(editConfig(read, { config: none }).config, {});
});
