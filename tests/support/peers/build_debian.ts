/**
 * Builds all real images that the tests need, and containerd's own suite, at the same time, unless they are built.
 *
 * The tests do this by themselves. Continuous integration starts it early, while other checks run:
 * most of the time goes into downloads, for which the tests would wait.
 */
import { goSuite } from "../containerd/go_suite.ts";
import { debianImage, debianVariant } from "./debian.ts";

await Promise.all([
  debianImage(),
  debianVariant("bookworm-minbase"),
  debianVariant("trixie-buildd"),
  goSuite(),
]);
