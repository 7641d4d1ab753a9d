/**
 * Builds the real images that the tests need, all at once, unless they are there.
 *
 * Tests do so by themselves. Continuous integration begins early, while other checks run: most of the
 * time goes into downloads, and tests would wait for them.
 */
import { debianImage, debianVariant } from "./debian.ts";

await Promise.all([
  debianImage(),
  debianVariant("bookworm-minbase"),
  debianVariant("trixie-buildd"),
]);
