import { expect, it } from "vitest";
import { browserFamily } from "./browser";

const MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/";

it.each([
  ["chromium", `${MAC}537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36`],
  ["chromium", `${MAC}537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0`],
  ["firefox", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"],
  ["safari", `${MAC}605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15`],
])("tells %s by its name for itself", (family, userAgent) => {
  expect(browserFamily(userAgent)).toBe(family);
});
