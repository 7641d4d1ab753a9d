import { assertEquals } from "@std/assert";
import { judgeConfig } from "../../../../lib/containerd/check/judge_config.ts";
import { configArguments } from "../../../../lib/containerd/check/read_config.ts";
import { containerdConfig } from "../../../../lib/cli/verbs/containerd/setup_texts.ts";

const NAMES = { snapshotter: "varve", differ: "varve-diff" };

function verdicts(text: string, names: Parameters<typeof judgeConfig>[1] = NAMES) {
  return Object.fromEntries(judgeConfig(text, names).map(({ check, ok }) => [check, ok]));
}

const ORDER = '[plugins."io.containerd.service.v1.diff-service"]\n';
const UNPACK = '[[plugins."io.containerd.transfer.v1.local".unpack_config]]\n';

Deno.test("what varve prints is right for both versions of containerd", () => {
  const places = {
    socket: "/run/varve/varve.sock",
    containerd: "/run/c.sock",
    root: '/store "x"',
    platform: "linux/amd64",
    command: ["varve"],
  };
  for (const version of ["1.7", "2"] as const) {
    assertEquals(verdicts(containerdConfig(version, places)), {
      "first differ": true,
      unpack: true,
      overlayfs: true,
    });
  }
});

Deno.test("each wrong or missing line is found", () => {
  const none = { "first differ": false, unpack: false, overlayfs: false };
  assertEquals(verdicts(""), none);
  assertEquals(verdicts(`${ORDER}default = ["walking", "varve-diff"]`), none);
  assertEquals(verdicts(`${ORDER}default = ["varve-diff"]`), { ...none, "first differ": true });
  assertEquals(verdicts(`${UNPACK}snapshotter = "varve"\ndiffer = ""`), none);
  assertEquals(verdicts(`${UNPACK}snapshotter = "varve"\ndiffer = "varve-diff"`), {
    ...none,
    unpack: true,
  });
  assertEquals(verdicts(`${UNPACK}snapshotter = "overlayfs"`), none);
  assertEquals(
    verdicts(`${ORDER}default = ["walking"]`, { snapshotter: null, differ: null }),
    none,
  );
});

Deno.test("the file that a containerd reads is taken from its command line", () => {
  for (const words of [["-c", "/x"], ["--config", "/x"], ["-l", "debug", "--config=/x"]]) {
    assertEquals(configArguments(words), ["--config", "/x"]);
  }
  assertEquals(configArguments(["--log-level", "debug"]), []);
});
