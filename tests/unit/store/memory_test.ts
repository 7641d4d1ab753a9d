import { openMemoryStore } from "../../../lib/store/mod.ts";
import { storeConformance } from "../../conformance/store.ts";

storeConformance("memory store", () => {
  const store = openMemoryStore();
  return Promise.resolve({ store, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() });
});
