/**
 * Loads the C library before the tests. It stays loaded until the process ends, so an example that opened a store
 * would count as a leak of it.
 */
import { isSupported } from "../../../lib/linux/mod.ts";

isSupported();
