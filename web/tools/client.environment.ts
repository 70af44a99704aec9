/** Tests without a browser, whose components are compiled as for one: they live on, and can be written out too. */
import type { Environment } from "vitest/runtime";

export default {
  name: "client",
  viteEnvironment: "client",
  setup: () => ({ teardown: () => undefined }),
} satisfies Environment;
