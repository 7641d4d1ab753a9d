/** The names of `varve mutate --unset`, which completion shows. */
import type { ContainerChange } from "../../oci/mod.ts";

/** The fields that are removed as a whole, as the user names them. */
export const FIELDS: Readonly<Record<string, keyof ContainerChange>> = {
  cmd: "cmd",
  entrypoint: "entrypoint",
  env: "env",
  labels: "labels",
  ports: "exposedPorts",
  volumes: "volumes",
  workdir: "workingDir",
  user: "user",
  "stop-signal": "stopSignal",
  onbuild: "onBuild",
  shell: "shell",
};

/** Fields that varve does not use itself, by their names in the document. */
export const OTHERS: Readonly<Record<string, string>> = { healthcheck: "Healthcheck" };

/** What `--unset` takes, apart from single items such as `env.NAME`. */
export const UNSET_NAMES: readonly string[] = [
  ...Object.keys(FIELDS),
  ...Object.keys(OTHERS),
  "annotations",
];
